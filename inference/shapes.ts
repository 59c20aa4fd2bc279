/**
 * Which shapes the runs of a model have, counted, and kept beside its prepared copy, so that the next load warms up with what its
 * traffic is like as well: memory grows with the first run of a larger shape, and somebody would wait for that. What was usual long
 * ago fades.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../chassis/clock.js';
import { replaceFile } from './kept-file.js';

/** A batch to warm up with. */
export interface WarmShape {
  rows: number;
  /** Tokens of each. */
  length: number;
}

/** Counts by shape; what a shape is called is the model's affair: "8x32". */
type Counts = Record<string, number>;

export interface Shapes {
  /** A run of that shape was sent. */
  note(shape: string): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

/** Shapes that are kept of a model: the most usual. */
const KEPT_MAX = 24;
/** Shapes told apart between two writes; those beyond are not counted. */
const COUNTED_MAX = 1_024;
/** Models whose shapes are kept; the one written longest ago goes first. */
const MODELS_MAX = 256;
const FLUSH_MS = 600_000;

/** The shapes that `model` (what tells models apart) ran most, most usual first; none where the file has none of it. */
export async function usualShapes(file: string, model: string): Promise<string[]> {
  const counts = Object.entries((await readAll(file))[keyOf(model)] ?? {});
  return counts.sort((a, b) => b[1] - a[1]).map(([shape]) => shape);
}

export function createShapes({ file, model, clock }: { file: string; model: string; clock: Clock }): Shapes {
  let counts = new Map<string, number>();
  let cancelFlush: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(seen: ReadonlyMap<string, number>): Promise<void> {
    const all = await readAll(file);
    const key = keyOf(model);
    const sums = new Map(seen);
    // Half of what was known: after ten writes a shape that no longer comes is a thousandth of what it was.
    for (const [shape, count] of Object.entries(all[key] ?? {})) sums.set(shape, (sums.get(shape) ?? 0) + count / 2);
    const kept = [...sums].sort((a, b) => b[1] - a[1]).slice(0, KEPT_MAX);
    delete all[key];
    const others = Object.entries(all).slice(1 - MODELS_MAX);
    await replaceFile(file, JSON.stringify(Object.fromEntries([...others, [key, Object.fromEntries(kept)]])));
  }

  function flush(): Promise<void> {
    cancelFlush?.();
    cancelFlush = undefined;
    const seen = counts;
    counts = new Map();
    // A disk that is full or not to be written costs the next load its warm shapes, and nothing else.
    if (seen.size > 0) writing = writing.then(() => write(seen)).catch(() => {});
    return writing;
  }

  return {
    note(shape) {
      const count = counts.get(shape);
      if (count === undefined && counts.size >= COUNTED_MAX) return;
      counts.set(shape, (count ?? 0) + 1);
      cancelFlush ??= clock.after(FLUSH_MS, () => void flush());
    },
    close: flush,
  };
}

/** What a batch of texts is called: lengths are told apart by thirds to halves, and rows by doubling, or there would be thousands. */
export function shapeOf(rows: number, longest: number): string {
  let length = 4;
  while (length < longest) length = length & (length - 1) ? (length / 3) * 4 : (length / 2) * 3; // 4, 6, 8, 12, 16, 24, ...
  return `${2 ** Math.ceil(Math.log2(rows))}x${length}`;
}

/** Longest row without traffic that has longer ones: a model that takes 8,192 tokens would be at it for seconds, for nothing. */
const UNKNOWN_TOKENS_MAX = 512;

/**
 * What to warm up with, short rows first: full batches of 4 tokens a row up to long ones, since traffic changes, and those that were
 * usual, of each length the one of most rows.
 */
export function warmShapes(
  usual: readonly string[],
  { tokensMax, batchTokensMax }: { tokensMax: number; batchTokensMax: number },
): WarmShape[] {
  const shapes = new Map<number, number>();
  const add = (rows: number, length: number): void => {
    const cut = Math.max(1, Math.min(length, tokensMax));
    const most = Math.max(1, Math.min(rows, Math.floor(batchTokensMax / cut)));
    shapes.set(cut, Math.max(most, shapes.get(cut) ?? 0));
  };
  const longest = Math.min(tokensMax, UNKNOWN_TOKENS_MAX);
  for (let length = 4; length < longest; length *= 2) add(UNKNOWN_TOKENS_MAX / length, length);
  add(Math.floor(UNKNOWN_TOKENS_MAX / longest), longest);
  for (const shape of usual) {
    const [, rows, length] = /^(\d{1,9})x(\d{1,9})$/.exec(shape) ?? [];
    if (rows !== undefined) add(Number(rows), Number(length));
  }
  return [...shapes].sort(([a], [b]) => a - b).map(([length, rows]) => ({ rows, length }));
}

/** What a call of tensors is called: "1x3x224x224,1x10", the inputs in the order of the graph. */
export function shapeOfCall(inputs: readonly { dims: readonly number[] }[]): string {
  return inputs.map(({ dims }) => dims.join('x')).join(',');
}

/** The dimensions of each input again; undefined where it is no such name. A scalar has none. */
export function dimsOfCall(shape: string): number[][] | undefined {
  const inputs = shape.split(',').map((dims) => (dims === '' ? [] : dims.split('x').map(Number)));
  return inputs.flat().every((dim) => Number.isInteger(dim) && dim >= 0) ? inputs : undefined;
}

async function readAll(file: string): Promise<Record<string, Counts>> {
  try {
    const read = JSON.parse(await readFile(file, 'utf8')) as Record<string, Counts>;
    const counted = (value: unknown): boolean => typeof value === 'number' && value > 0;
    return Object.fromEntries(
      Object.entries(read).map(([key, counts]) => [
        key,
        Object.fromEntries(Object.entries(counts).filter(([, count]) => counted(count))),
      ]),
    );
  } catch {
    return {}; // not there, or not ours
  }
}

function keyOf(model: string): string {
  return createHash('sha256').update(model).digest('hex').slice(0, 32);
}
