/**
 * The extractive summarizer's ROUGE on the samples of ../shared/datasets, computed again through the service's own model: as
 * its manifest says within half a point, and above LEAD. F1 over lower-cased words, no stemming, as in models/training.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { findSentences } from '../../inference/extract/index.js';
import { rpcTurns } from '../../inference/turns.js';
import * as capability from '../../services/summarize/index.js';
import { sharedOrSkip } from '../kit/shared.js';
import { starter, starterRepository } from '../kit/starter.js';

interface Row {
  document: string;
  highlights?: string;
  summary?: string | string[];
  summaries?: string[];
  references?: string[];
  targets?: string[];
}

describe('ROUGE of extractive-en', function () {
  this.timeout(600_000);

  for (const [file, sentences, set] of [
    ['datasets/cnn_dailymail/test-sample.jsonl', 3, 'CNN/DailyMail'],
    ['datasets/scitldr/test.jsonl', 1, 'SciTLDR'],
  ] as const) {
    it(`${set}: ${sentences} sentence(s) a text, as the manifest says and above LEAD`, async function () {
      const rows = readFileSync(sharedOrSkip(this, file), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row);
      const stored = await starter('extractive-en');
      const model = await capability.open(stored, starterRepository);
      const signal = new AbortController().signal;
      const sums = { ours: [0, 0, 0], lead: [0, 0, 0] };
      try {
        for (const row of rows) {
          const references = referencesOf(row);
          const { text } = await model.summarize(
            row.document,
            {
              length: { sentences },
              focus: '',
              language: '',
              bullets: false,
              faithfulness: false,
              combine: 'map_reduce',
              generation: undefined,
              field: 'texts[0]',
            },
            { signal, deadlineMs: Number.POSITIVE_INFINITY, caller: 0 },
          );
          const lead = (await findSentences(row.document, '', rpcTurns, signal))
            .slice(0, sentences)
            .map((each) => each.text);
          add(sums.ours, rouge(text, references));
          add(sums.lead, rouge(lead.join(' '), references));
        }
      } finally {
        await model.close();
      }
      ['rouge1', 'rouge2', 'rougeL'].forEach((metric, index) => {
        const ours = (sums.ours[index] as number) / rows.length;
        const lead = (sums.lead[index] as number) / rows.length;
        const claimed = stored.manifest.quality?.find(
          (each) => each.metric === metric && each.set.startsWith(set),
        )?.value;
        console.log(`      ${metric}: ${ours.toFixed(4)}, claimed ${claimed}, LEAD-${sentences} ${lead.toFixed(4)}`);
        assert(claimed !== undefined && Math.abs(ours - claimed) <= 0.005, `${metric} ${ours}`);
        assert(ours > lead, metric);
      });
    });
  }
});

function referencesOf({ summaries, references, targets, summary, highlights }: Row): string[] {
  const found = summaries ?? references ?? targets ?? summary ?? highlights ?? [];
  return Array.isArray(found) ? found : [found];
}

function add(sums: number[], values: readonly number[]): void {
  values.forEach((value, index) => {
    sums[index] = (sums[index] as number) + value;
  });
}

/** ROUGE-1, -2 and -L F1, each the best over the references. */
function rouge(guess: string, references: readonly string[]): number[] {
  const best = [0, 0, 0];
  const g = words(guess);
  for (const reference of references) {
    const r = words(reference);
    const hits = [overlap(grams(g, 1), grams(r, 1)), overlap(grams(g, 2), grams(r, 2)), lcs(g, r)];
    hits.forEach((hit, index) => {
      const total = index === 1 ? g.length + r.length - 2 : g.length + r.length;
      if (hit > 0) best[index] = Math.max(best[index] as number, (2 * hit) / total);
    });
  }
  return best;
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function grams(list: readonly string[], size: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at + size <= list.length; at++) {
    const gram = list.slice(at, at + size).join(' ');
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

function overlap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let hits = 0;
  for (const [gram, count] of a) hits += Math.min(count, b.get(gram) ?? 0);
  return hits;
}

function lcs(a: readonly string[], b: readonly string[]): number {
  let previous = new Uint16Array(b.length + 1);
  for (const word of a) {
    const row = new Uint16Array(b.length + 1);
    for (let at = 0; at < b.length; at++) {
      row[at + 1] =
        word === b[at] ? (previous[at] as number) + 1 : Math.max(previous[at + 1] as number, row[at] as number);
    }
    previous = row;
  }
  return previous[b.length] as number;
}
