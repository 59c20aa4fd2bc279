// Tokenizer speed against Python's `tokenizers` (Rust), one thread each, round by round in turn on the same texts, and
// load times. Ids are compared on the way: a faster wrong answer is no result.
//
//   PLEXUS_PYTHON=<python with tokenizers> node dist/bench/tokenizer.js <shared folder> [--rounds 9] [tokenizer.json …]
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadTokenizer, type Tokenizer } from '../inference/tokenizer/index.js';

interface Round {
  /** Seconds of this process's CPU, and of the clock. */
  cpu: number;
  wall: number;
}

interface Rival {
  ask(command: Record<string, unknown>): Promise<Record<string, unknown>>;
  stop(): void;
}

/** Every this many texts of a set are compared by ids. */
const COMPARED_EVERY = 7;

function startRival(): Rival {
  const python = process.env.PLEXUS_PYTHON ?? 'python3';
  const script = join(dirname(fileURLToPath(import.meta.url)), '../../bench/tokenizer.py');
  const child = spawn(python, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TOKENIZERS_PARALLELISM: 'false', RAYON_NUM_THREADS: '1' },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the Python process ended');
      return JSON.parse(value) as Record<string, unknown>;
    },
    stop: () => child.stdin.end(),
  };
}

function readTexts(shared: string): Record<string, string[]> {
  const lines = (path: string) =>
    readFileSync(join(shared, 'datasets', path), 'utf8')
      .trim()
      .split('\n');
  const strings = (line: string) =>
    Object.values(JSON.parse(line) as Record<string, unknown>).filter((v) => typeof v === 'string');
  const longest = (line: string) => strings(line).reduce((a, b) => (b.length > a.length ? b : a), '');
  return {
    'sst2 sentences': lines('sst2/dev.jsonl').map(longest),
    'cnn articles': lines('cnn_dailymail/test-sample.jsonl').map(longest),
    'langid, 90 languages': lines('langid/cld3-samples.jsonl').map(longest),
    'japanese novel, paragraphs': lines('text/wagahaiwa_nekodearu.txt')
      .filter((line) => line !== '')
      .slice(0, 600),
  };
}

function measure(work: () => void): Round {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  work();
  const used = process.cpuUsage(cpu);
  return { cpu: (used.user + used.system) / 1e6, wall: (performance.now() - wall) / 1e3 };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

async function main(): Promise<void> {
  const [shared, ...rest] = process.argv.slice(2);
  if (shared === undefined)
    throw new Error('usage: node dist/bench/tokenizer.js <shared folder> [--rounds n] [tokenizer.json …]');
  const at = rest.indexOf('--rounds');
  const rounds = at < 0 ? 9 : Number(rest.splice(at, 2)[1]);
  const names = ['bert-base-uncased', 'bert-base-cased', 'bge-small-zh', 'gpt2', 'roberta-base', 't5-small'];
  const files = rest.length > 0 ? rest : names.map((name) => join(shared, 'tokenizers', name, 'tokenizer.json'));
  const rival = startRival();
  const sets = readTexts(shared);
  console.log('| tokenizer | texts | MB | Rust encode | ours encode | ratio | ours encodeIds | ratio | ids |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  const loads: string[] = [];
  for (const file of files) {
    const name = file.endsWith('/tokenizer.json')
      ? (file.split('/').at(-2) as string)
      : (file.split('/').at(-1) as string);
    const ours: number[] = [];
    const theirs: number[] = [];
    let tokenizer: Tokenizer | undefined;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      tokenizer = await loadFile(file);
      ours.push(performance.now() - start);
      theirs.push(1e3 * ((await rival.ask({ load: file })).wall as number));
    }
    loads.push(
      `| ${name} | ${tokenizer?.vocabSize} | ${(ours[0] as number).toFixed(0)} | ${median(ours).toFixed(0)} | ${median(theirs).toFixed(0)} |`,
    );
    for (const [label, texts] of Object.entries(sets))
      console.log(await compare(tokenizer as Tokenizer, name, label, texts, rival, rounds));
  }
  console.log('\n| load | tokens | ours, first (ms) | ours, median (ms) | Rust, median (ms) |\n|---|---|---|---|---|');
  for (const line of loads) console.log(line);
  rival.stop();
}

/** A folder with a tokenizer.json, or such a file under another name. */
async function loadFile(file: string): Promise<Tokenizer> {
  if (file.endsWith('/tokenizer.json')) return loadTokenizer(dirname(file));
  const [{ createTokenizer }, { parseTokenizerFile }] = await Promise.all([
    import('../inference/tokenizer/index.js'),
    import('../inference/tokenizer/tokenizer-file.js'),
  ]);
  return createTokenizer(parseTokenizerFile(readFileSync(file)));
}

async function compare(
  tokenizer: Tokenizer,
  name: string,
  label: string,
  texts: readonly string[],
  rival: Rival,
  rounds: number,
): Promise<string> {
  const megabytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  const { ids } = (await rival.ask({ texts, every: COMPARED_EVERY })) as { ids: number[][] };
  const same = ids.every((want, i) => {
    const got = tokenizer.encodeIds(texts[i * COMPARED_EVERY] as string);
    return got.length === want.length && want.every((id, k) => id === got[k]);
  });
  const repeats = Math.max(1, Math.round(0.5 / megabytes));
  const all: Record<'rust' | 'encode' | 'ids', number[]> = { rust: [], encode: [], ids: [] };
  for (let round = -1; round < rounds; round++) {
    const encode = measure(() => {
      for (let k = 0; k < repeats; k++) for (const text of texts) tokenizer.encode(text);
    });
    const rust = (await rival.ask({ repeats })) as unknown as Round;
    const only = measure(() => {
      for (let k = 0; k < repeats; k++) for (const text of texts) tokenizer.encodeIds(text);
    });
    // The first round warms both up.
    if (round < 0) continue;
    all.encode.push((repeats * megabytes) / encode.cpu);
    all.rust.push((repeats * megabytes) / rust.cpu);
    all.ids.push((repeats * megabytes) / only.cpu);
  }
  const ratio = (which: 'encode' | 'ids') => median(all[which].map((speed, i) => speed / (all.rust[i] as number)));
  const cell = (which: 'rust' | 'encode' | 'ids') => median(all[which]).toFixed(2);
  return `| ${name} | ${label} | ${megabytes.toFixed(2)} | ${cell('rust')} | ${cell('encode')} | ${ratio('encode').toFixed(2)} | ${cell('ids')} | ${ratio('ids').toFixed(2)} | ${same ? 'same' : 'DIFFERENT'} |`;
}

await main();
