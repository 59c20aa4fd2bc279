/**
 * ROUGE of summaries on the samples of the shared folder: the starter model that chooses sentences, the beginning of the text, and a
 * model that writes, by each way to put a long text together. F1 of lower-case words and digits, no stemming, the best reference
 * counts; the same definition as models/training/extractive.py.
 * Run: `node dist/bench/generate-rouge.js SHARED_FOLDER [ROWS]`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../chassis/clock.js';
import { readSettings } from '../chassis/settings.js';
import { generatorSettings } from '../inference/generate/index.js';
import { inferenceSettings } from '../inference/index.js';
import { sentences } from '../inference/tokenizer/index.js';
import { createRepository, parseReference } from '../models/index.js';
import { packageRoot } from '../protos/index.js';
import {
  type Combine,
  openSummarizer,
  type SummarizeModel,
  type SummarizeOptions,
} from '../services/summarize/model.js';
import { summarizeSettings } from '../services/summarize/settings.js';

const [shared = join(packageRoot, '..', 'shared'), rowsText = '200'] = process.argv.slice(2);
const ROWS = Number(rowsText);

const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

function grams(list: readonly string[], size: number): Map<string, number> {
  const found = new Map<string, number>();
  for (let at = 0; at + size <= list.length; at++) {
    const gram = list.slice(at, at + size).join(' ');
    found.set(gram, (found.get(gram) ?? 0) + 1);
  }
  return found;
}

function longestCommon(a: readonly string[], b: readonly string[]): number {
  const row = new Uint32Array(b.length + 1);
  for (const word of a) {
    let left = 0;
    for (let at = 1; at <= b.length; at++) {
      const old = row[at] as number;
      row[at] = word === b[at - 1] ? left + 1 : Math.max(row[at] as number, row[at - 1] as number);
      left = old;
    }
  }
  return row[b.length] as number;
}

function rouge(guess: string, references: readonly string[]): number[] {
  const own = words(guess);
  const best = [0, 0, 0];
  for (const reference of references) {
    const wanted = words(reference);
    const overlap = (size: number): number => {
      const other = grams(wanted, size);
      return [...grams(own, size)].reduce((sum, [gram, count]) => sum + Math.min(count, other.get(gram) ?? 0), 0);
    };
    const scores = [
      (2 * overlap(1)) / (own.length + wanted.length || 1),
      (2 * overlap(2)) / (own.length + wanted.length - 2 || 1),
      (2 * longestCommon(own, wanted)) / (own.length + wanted.length || 1),
    ];
    for (const [index, score] of scores.entries()) best[index] = Math.max(best[index] as number, score);
  }
  return best;
}

interface Row {
  document: string;
  references: string[];
}

function rows(file: string): Row[] {
  const lines = readFileSync(join(shared, 'datasets', file), 'utf8')
    .trim()
    .split('\n')
    .slice(0, ROWS);
  return lines.map((line) => {
    const row = JSON.parse(line) as { document: string; summary?: string; summaries?: string[] };
    return { document: row.document, references: row.summaries ?? [row.summary ?? ''] };
  });
}

const repository = createRepository({ folders: [join(packageRoot, 'models', 'store'), join(shared, 'models')] });
const settings = {
  summarize: readSettings(summarizeSettings, {}),
  generator: readSettings(generatorSettings, {}),
  inference: readSettings(inferenceSettings, {}),
};
const openModel = async (name: string): Promise<SummarizeModel> =>
  openSummarizer(await repository.find(parseReference(name)), repository, settings, systemClock);

const plain: SummarizeOptions = {
  length: undefined,
  generation: undefined,
  focus: '',
  bullets: false,
  combine: 'map_reduce',
  faithfulness: false,
  language: 'en',
  field: 'text',
};

async function report(
  label: string,
  set: readonly Row[],
  summarize: (text: string) => Promise<string> | string,
): Promise<void> {
  const sums = [0, 0, 0];
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  for (const { document, references } of set) {
    const scores = rouge(await summarize(document), references);
    for (const [index, score] of scores.entries()) sums[index] = (sums[index] as number) + score;
  }
  const { user, system } = process.cpuUsage(cpu);
  const means = sums.map((sum) => (sum / set.length).toFixed(4));
  const wallMs = (performance.now() - startedMs) / set.length;
  console.log(
    `| ${label} | ${set.length} | ${means.join(' | ')} | ${wallMs.toFixed(0)} (${((user + system) / 1_000 / set.length).toFixed(0)}) |`,
  );
}

const lead =
  (count: number) =>
  (text: string): string =>
    sentences(text)
      .slice(0, count)
      .map(({ start, end }) => text.slice(start, end))
      .join('');
const by =
  (model: SummarizeModel, options: Partial<SummarizeOptions>) =>
  async (text: string): Promise<string> =>
    (
      await model.summarize(
        text,
        { ...plain, ...options },
        { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY, caller: 1 },
      )
    ).text;

const news = rows('cnn_dailymail/test-sample.jsonl');
const papers = rows('scitldr/test.jsonl');
console.log('| | texts | ROUGE-1 | ROUGE-2 | ROUGE-L | ms a text (CPU ms) |\n|---|---|---|---|---|---|');
const extractive = await openModel('extractive-en');
await report('news, first 3 sentences', news, lead(3));
await report('news, extractive-en, 3 sentences', news, by(extractive, { length: { sentences: 3 } }));
await report('papers, first sentence', papers, lead(1));
await report('papers, extractive-en, 1 sentence', papers, by(extractive, { length: { sentences: 1 } }));
await extractive.close();
const writer = await openModel('tiny-t5-lead');
for (const [label, all] of [
  ['news', news],
  ['papers', papers],
] as const) {
  const some = all.slice(0, Math.ceil(ROWS / 5));
  await report(`${label}, first sentence (the same texts as below)`, some, lead(1));
  for (const combine of ['map_reduce', 'refine', 'extract_then_abstract'] as Combine[]) {
    await report(`${label}, tiny-t5-lead, ${combine}`, some, by(writer, { combine }));
  }
}
await writer.close();
