/**
 * Keys and values of the rows that decode together, as the tensors the graph reads and writes. While nobody joins or leaves they
 * are handed from one run to the next untouched; everything here that copies says when it must.
 *
 * `own` (the decoder's past) grows by one a step and stands at the right end of its axis, so that rows of different age end
 * together; `source` (cross-attention, computed once) stands at the left. Where a row has fewer tokens than the tensor has
 * places, the rest is masked by the graph that reads it.
 */
import { Tensor } from 'onnxruntime-node';

/** One cached tensor: [rows, outer, tokens, inner], or [rows, tokens, inner] with outer 1. */
export interface CacheSpec {
  /** Input that reads it. */
  input: string;
  /** Output that gives it; undefined where only the encoder does. */
  output: string | undefined;
  part: 'own' | 'source';
  type: 'float32' | 'float16';
  rank: 3 | 4;
  outer: number;
  inner: number;
}

type Numbers = Float32Array | Uint16Array;

export interface Cache {
  readonly specs: readonly CacheSpec[];
  /** In the order of `specs`. */
  tensors: Tensor[];
  rows: number;
  /** Places of the own axis. */
  length: number;
  /** Tokens of each row on it. */
  lengths: number[];
  /** Places of the source axis. */
  source: number;
  sources: number[];
  /** Whole decoder sequences, for graphs that keep no past of their own. */
  prefixes: number[][] | undefined;
  /** What a graph builds from the fields above and keeps until they change. */
  masks: Map<string, Tensor>;
}

/** Bytes one row takes with that many tokens. */
export function rowBytes(specs: readonly CacheSpec[], ownTokens: number, sourceTokens: number): number {
  let bytes = 0;
  for (const { part, type, outer, inner } of specs) {
    bytes += outer * inner * (part === 'own' ? ownTokens : sourceTokens) * (type === 'float32' ? 4 : 2);
  }
  return bytes;
}

/** A row of some cache. */
export interface RowOf {
  cache: Cache;
  row: number;
}

/** A new cache of these rows, as short as they allow (and as long as `atLeast` says). Copies every one of them. */
export function assemble(rows: readonly RowOf[], atLeast = { length: 0, source: 0 }): Cache {
  const first = (rows[0] as RowOf).cache;
  const length = Math.max(atLeast.length, ...rows.map(({ cache, row }) => cache.lengths[row] as number));
  const source = Math.max(atLeast.source, ...rows.map(({ cache, row }) => cache.sources[row] as number));
  const made: Cache = {
    specs: first.specs,
    tensors: [],
    rows: rows.length,
    length,
    lengths: rows.map(({ cache, row }) => cache.lengths[row] as number),
    source,
    sources: rows.map(({ cache, row }) => cache.sources[row] as number),
    prefixes: first.prefixes && rows.map(({ cache, row }) => [...((cache.prefixes as number[][])[row] as number[])]),
    masks: new Map(),
  };
  for (const [index, spec] of first.specs.entries()) {
    const tokens = spec.part === 'own' ? length : source;
    const data = numbers(spec, rows.length * spec.outer * tokens * spec.inner);
    made.tensors.push(new Tensor(spec.type, data, dims(spec, rows.length, tokens)));
    for (const [to, { cache, row }] of rows.entries()) copyRow(index, cache, row, made, to);
  }
  return made;
}

/** Puts a row of another cache in the place of one of this; false where it is too long for the tensors. Copies that row. */
export function replaceRow(into: Cache, to: number, { cache, row }: RowOf): boolean {
  const own = cache.lengths[row] as number;
  const source = cache.sources[row] as number;
  if (own > into.length || source > into.source) return false;
  into.lengths[to] = own;
  into.sources[to] = source;
  if (into.prefixes && cache.prefixes) into.prefixes[to] = [...(cache.prefixes[row] as number[])];
  for (let index = 0; index < into.specs.length; index++) copyRow(index, cache, row, into, to);
  into.masks.clear();
  return true;
}

/** Rows `to` continue rows `from` of the same source (beams). Copies the own part of those that differ. */
export function reorder(cache: Cache, moves: readonly { from: number; to: number }[]): void {
  const changed = moves.filter(({ from, to }) => from !== to);
  if (changed.length === 0) return;
  for (const [index, spec] of cache.specs.entries()) {
    if (spec.part !== 'own') continue;
    const data = (cache.tensors[index] as Tensor).data as Numbers;
    const size = spec.outer * cache.length * spec.inner;
    // Through a copy: a row may be read after it was written.
    const copies = changed.map(({ from }) => data.slice(from * size, (from + 1) * size));
    for (const [place, { to }] of changed.entries()) data.set(copies[place] as Numbers & ArrayLike<number>, to * size);
  }
  const lengths = changed.map(({ from }) => cache.lengths[from] as number);
  const prefixes = cache.prefixes && changed.map(({ from }) => [...((cache.prefixes as number[][])[from] as number[])]);
  for (const [place, { to }] of changed.entries()) {
    cache.lengths[to] = lengths[place] as number;
    if (cache.prefixes && prefixes) cache.prefixes[to] = prefixes[place] as number[];
  }
  if (new Set(cache.lengths).size > 1) cache.masks.clear();
}

/** Bytes the tensors take now. */
export function cacheBytes({ specs, rows, length, source }: Cache): number {
  return rows * rowBytes(specs, length, source);
}

function copyRow(index: number, from: Cache, fromRow: number, to: Cache, toRow: number): void {
  const spec = from.specs[index] as CacheSpec;
  const own = spec.part === 'own';
  const fromTokens = own ? from.length : from.source;
  const toTokens = own ? to.length : to.source;
  const count = (own ? from.lengths[fromRow] : from.sources[fromRow]) as number;
  const fromData = (from.tensors[index] as Tensor).data as Numbers;
  const toData = (to.tensors[index] as Tensor).data as Numbers & { set(values: Numbers, at: number): void };
  const fromSkip = own ? fromTokens - count : 0;
  const toSkip = own ? toTokens - count : 0;
  for (let each = 0; each < spec.outer; each++) {
    const start = ((fromRow * spec.outer + each) * fromTokens + fromSkip) * spec.inner;
    const at = ((toRow * spec.outer + each) * toTokens + toSkip) * spec.inner;
    toData.set(fromData.subarray(start, start + count * spec.inner), at);
  }
}

export function dims({ rank, outer, inner }: CacheSpec, rows: number, tokens: number): number[] {
  return rank === 4 ? [rows, outer, tokens, inner] : [rows, tokens, inner];
}

/** Zeros. Half floats are their bits. */
export function numbers({ type }: CacheSpec, count: number): Float32Array | Uint16Array {
  return type === 'float32' ? new Float32Array(count) : new Uint16Array(count);
}
