/**
 * What a worker costs in memory, and whether memory grows: encoders in processes of their own, over texts of random lengths (1 to
 * 256 tokens, as many short as long on a logarithmic scale). Prints Markdown. Linux (/proc).
 * `node dist/bench/memory.js workers [model]`: one to three workers, the model read by each or mapped from a prepared copy.
 * `node dist/bench/memory.js growth [model] [texts] [collect]`: memory over so many texts, after the warm-up; with `collect` the RPC
 * thread's garbage is collected before each look, so that what is left is held by somebody.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readSettings } from '../chassis/settings.js';
import { type EncoderModel, inferenceSettings, openEncoder } from '../inference/index.js';
import { createRepository, modelFolders, modelSettings, parseReference, requireWeightFile } from '../models/index.js';
import { packageRoot } from '../protos/index.js';

const MIB = 2 ** 20;

/** Of this process. What is mapped from one file several times counts several times as resident, but is in memory once. */
interface Held {
  residentMib: number;
  /** Not backed by a file. */
  ownMib: number;
}

function held(): Held {
  const text = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const read = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1_024;
  return { residentMib: read('Rss'), ownMib: read('Anonymous') };
}

/** Repeatable pseudo-random numbers below 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const repository = createRepository({
  folders: modelFolders(readSettings(modelSettings, process.env), packageRoot),
});

async function open(model: string, workers: number, prepared: string): Promise<EncoderModel> {
  const settings = { ...readSettings(inferenceSettings, process.env), workers, preparedFolder: prepared };
  return openEncoder(await repository.find(parseReference(model)), settings);
}

/** Requests of 1 to 8 texts, eight at a time. */
async function drive(encoder: EncoderModel, texts: number, seed: number): Promise<void> {
  const next = random(seed);
  const run = { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };
  let left = texts;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      const count = Math.min(left, 1 + Math.floor(next() * 8));
      left -= count;
      const inputs = Array.from({ length: count }, () => {
        const length = Math.round(2 ** (next() * 8));
        return { ids: Int32Array.from({ length }, () => 1_000 + Math.floor(next() * 20_000)) };
      });
      await encoder.runAll(inputs, { kind: 'pool', pooling: 'mean', normalize: true }, run);
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** In a process of its own: what it holds with so many workers after some traffic. */
async function one(model: string, workers: number, prepared: string): Promise<void> {
  const encoder = await open(model, workers, prepared);
  await drive(encoder, 200 * workers, 1);
  process.send?.(held());
  await encoder.close();
}

async function inOwnProcess(model: string, workers: number, prepared: string): Promise<Held> {
  const child = fork(fileURLToPath(import.meta.url), ['one', model, String(workers), prepared]);
  const [found] = (await once(child, 'message')) as [Held];
  await once(child, 'exit');
  return found;
}

async function workers(model: string): Promise<void> {
  const { manifest } = await repository.find(parseReference(model));
  const path = requireWeightFile(manifest, 'model');
  const fileMib = (manifest.files.find((file) => file.path === path)?.bytes ?? 0) / MIB;
  const cache = mkdtempSync(join(tmpdir(), 'plexus-prepared-'));
  try {
    await inOwnProcess(model, 1, cache); // makes the copy
    console.log(`${model}: weights ${fileMib.toFixed(1)} MiB\n`);
    console.log('| | 1 worker | 2 | 3 | one more worker | of the file |\n|---|---|---|---|---|---|');
    for (const [name, prepared] of [
      ['read by each worker', ''],
      ['mapped from a prepared copy', cache],
    ] as const) {
      const seen: Held[] = [];
      for (const count of [1, 2, 3]) seen.push(await inOwnProcess(model, count, prepared));
      for (const [what, read] of [
        ['resident', (each: Held) => each.residentMib],
        ['own memory', (each: Held) => each.ownMib],
      ] as const) {
        const all = seen.map(read);
        const more = ((all[2] as number) - (all[0] as number)) / 2;
        const cells = [...all, more].map((mib) => `${mib.toFixed(0)} MiB`);
        console.log(`| ${name}, ${what} | ${cells.join(' | ')} | ${(more / fileMib).toFixed(2)} x |`);
      }
    }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function growth(model: string, texts: number, collect: () => void): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), 'plexus-prepared-'));
  try {
    const encoder = await open(model, 2, cache);
    const rows: [number, Held][] = [[0, held()]];
    for (let slice = 1; slice <= 10; slice++) {
      await drive(encoder, texts / 10, slice);
      collect();
      rows.push([(slice * texts) / 10, held()]);
    }
    const { paddedTokens, tokens, batches } = encoder.stats();
    await encoder.close();
    console.log(`${model}, 2 workers, ${texts} texts, ${tokens} tokens (${paddedTokens} padded), ${batches} batches\n`);
    console.log('| texts | resident MiB | own memory MiB |\n|---|---|---|');
    for (const [count, { residentMib, ownMib }] of rows)
      console.log(`| ${count} | ${residentMib.toFixed(1)} | ${ownMib.toFixed(1)} |`);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

const [what = 'workers', model = 'minilm-l3-en', third = '', fourth = ''] = process.argv.slice(2);
if (what === 'one') await one(model, Number(third), fourth);
else if (what === 'growth')
  await growth(model, Number(third || 100_000), fourth === 'collect' ? collector() : () => {});
else await workers(model);
