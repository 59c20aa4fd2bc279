/**
 * Keys and values of the rows that decode together, as the tensors the graph reads and writes. While nobody joins or leaves they
 * are handed from one run to the next untouched; everything here that copies says when it must.
 *
 * `own` (the decoder's past) grows by one a step and stands at the right end of its axis, so that rows of different age end
 * together; `source` (cross-attention, computed once) stands at the left. Where a row has fewer tokens than the tensor has
 * places, the rest is masked by the graph that reads it.
 *
 * A past whose places are outermost (`inPlaces`) lies in memory of ours with room behind it: a run reads it where it lies and writes
 * what is new behind it, and dropping its oldest places is moving its beginning.
 */
import { Tensor } from 'onnxruntime-node';

/** One cached tensor: [rows, outer, tokens, inner], or [rows, tokens, inner] with outer 1; [tokens, rows, outer, inner] in places. */
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
  /** True where the places are the outermost axis. */
  inPlaces: boolean;
}

export type Numbers = (Float32Array | Uint16Array) & { set(values: Numbers, at?: number): void };

export interface Cache {
  readonly specs: readonly CacheSpec[];
  /** In the order of `specs`. One in places is all its memory, `capacity` places, of which `length` from `begin` on are used. */
  tensors: Tensor[];
  rows: number;
  begin: number;
  capacity: number;
  /** Places of the own axis. */
  length: number;
  /** Tokens of each row on it. */
  lengths: number[];
  /** Places of the source axis. */
  source: number;
  sources: number[];
  /** Of each row in places, a number a token that no other has that was computed apart: what two rows need not copy. */
  lines: number[][];
  /** Whole decoder sequences, for graphs that keep no past of their own. */
  prefixes: number[][] | undefined;
  /** What a graph builds from the fields above and keeps until they change. */
  masks: Map<string, Tensor>;
}

/** A cache without tensors. */
export function newCache(
  specs: readonly CacheSpec[],
  shape: Pick<Cache, 'rows' | 'length' | 'lengths' | 'source' | 'sources'> &
    Partial<Pick<Cache, 'tensors' | 'prefixes'>>,
): Cache {
  const { length, lengths } = shape;
  return {
    specs,
    tensors: [],
    begin: 0,
    capacity: length,
    lines: lengths.map(() => []),
    prefixes: undefined,
    masks: new Map(),
    ...shape,
  };
}

/** Most bytes one row takes as it grows to that many tokens, the room behind them included. */
export function rowBytes(specs: readonly CacheSpec[], ownTokens: number, sourceTokens: number): number {
  return bytesOf(specs, ownTokens, ownTokens + roomFor(ownTokens), sourceTokens);
}

function bytesOf(specs: readonly CacheSpec[], length: number, capacity: number, source: number): number {
  let bytes = 0;
  for (const { part, type, outer, inner, inPlaces } of specs) {
    const tokens = inPlaces ? capacity : part === 'own' ? length : source;
    bytes += outer * inner * tokens * (type === 'float32' ? 4 : 2);
  }
  return bytes;
}

/** A row of some cache. */
export interface RowOf {
  cache: Cache;
  row: number;
}

/** Tokens to which the source's axis is rounded up, so that a newcomer with a little longer a source needs no new cache. */
export const SOURCE_STEP = 32;

/** What a cache says of each of its rows. */
export function fieldsOf(rows: readonly RowOf[]): Pick<Cache, 'lengths' | 'sources' | 'lines' | 'prefixes'> {
  return {
    lengths: rows.map(({ cache, row }) => cache.lengths[row] as number),
    sources: rows.map(({ cache, row }) => cache.sources[row] as number),
    lines: rows.map(({ cache, row }) => [...(cache.lines[row] ?? [])]),
    prefixes: rows[0]?.cache.prefixes && rows.map(({ cache, row }) => [...(cache.prefixes?.[row] ?? [])]),
  };
}

const SHORTEST = { length: 1, source: 0 };

/** About as short as these rows allow, and as long as `atLeast` says. */
function measure(rows: readonly RowOf[], atLeast: typeof SHORTEST): typeof SHORTEST {
  const length = Math.max(atLeast.length, ...rows.map(({ cache, row }) => cache.lengths[row] as number));
  const longest = Math.max(atLeast.source, ...rows.map(({ cache, row }) => cache.sources[row] as number));
  return { length, source: Math.ceil(longest / SOURCE_STEP) * SOURCE_STEP };
}

/** Bytes that a new cache of these rows would take. */
export function assembledBytes(rows: readonly RowOf[]): number {
  const { length, source } = measure(rows, SHORTEST);
  return rows.length * bytesOf((rows[0] as RowOf).cache.specs, length, length + roomFor(length), source);
}

/** Bytes of one more row of sources. */
export function sourceBytes({ specs, source }: Cache): number {
  return bytesOf(specs, 0, 0, source);
}

/** A new cache of these rows, with memory for the sources of `room` rows more. Copies every one of them. */
export function assemble(rows: readonly RowOf[], atLeast = SHORTEST, room = 0): Cache {
  const first = (rows[0] as RowOf).cache;
  const { length, source } = measure(rows, atLeast);
  const made: Cache = {
    specs: first.specs,
    tensors: [],
    rows: rows.length,
    begin: 0,
    capacity: length + roomFor(length),
    length,
    source,
    ...fieldsOf(rows),
    masks: new Map(),
  };
  for (const [index, spec] of first.specs.entries()) {
    const tokens = spec.inPlaces ? made.capacity : spec.part === 'own' ? length : source;
    const size = spec.outer * tokens * spec.inner;
    const memory = numbers(spec, (rows.length + (spec.part === 'source' ? room : 0)) * size);
    made.tensors.push(new Tensor(spec.type, memory.subarray(0, rows.length * size), dims(spec, rows.length, tokens)));
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
  into.lines[to] = [...(cache.lines[row] ?? [])];
  if (into.prefixes && cache.prefixes) into.prefixes[to] = [...(cache.prefixes[row] as number[])];
  for (let index = 0; index < into.specs.length; index++) copyRow(index, cache, row, into, to);
  into.masks.clear();
  return true;
}

/** Rows `to` continue rows `from` of the same source (beams). Copies of the own part what differs. */
export function reorder(cache: Cache, moves: readonly { from: number; to: number }[]): void {
  const changed = moves.filter(({ from, to }) => from !== to);
  if (changed.length === 0) return;
  // A row that is written is never read by another move: what went on twice stays where it is.
  for (const { from, to } of changed) {
    const same = alike(cache, from, to);
    for (const [index, spec] of cache.specs.entries()) {
      if (spec.part !== 'own') continue;
      const data = (cache.tensors[index] as Tensor).data as Numbers;
      const block = spec.outer * spec.inner;
      if (spec.inPlaces) {
        const firstPlace = cache.begin + cache.length - (cache.lengths[from] as number) + same;
        for (let place = firstPlace; place < cache.begin + cache.length; place++) {
          const start = (place * cache.rows + from) * block;
          data.copyWithin((place * cache.rows + to) * block, start, start + block);
        }
      } else {
        const size = block * cache.length;
        data.copyWithin(to * size, from * size, (from + 1) * size);
      }
    }
    cache.lengths[to] = cache.lengths[from] as number;
    cache.lines[to] = [...(cache.lines[from] ?? [])];
    if (cache.prefixes) cache.prefixes[to] = [...(cache.prefixes[from] as number[])];
  }
  if (new Set(cache.lengths).size > 1) cache.masks.clear();
}

/** Tokens from the beginning that two rows have in common: those were computed once and copied. */
function alike({ lengths, lines }: Cache, a: number, b: number): number {
  const [one = [], other = []] = [lines[a], lines[b]];
  if (lengths[a] !== lengths[b] || one.length !== lengths[a] || other.length !== lengths[b]) return 0;
  let same = one.length;
  while (same > 0 && one[same - 1] !== other[same - 1]) same--;
  return same;
}

/** Drops the oldest places, which no row has tokens in. Copies nothing; only where all own parts are in places. */
export function trim(cache: Cache, length: number): void {
  cache.begin += cache.length - length;
  cache.length = length;
  cache.masks.clear();
}

let lastStamp = 0;

/** The past in places as a run reads it, and room for what it writes: [length, rows, outer, inner] and [rows, outer, 1, inner]. */
export function places(cache: Cache, index: number): { past: Tensor; next: Tensor } {
  const { rows, begin, length } = cache;
  const { type, outer, inner } = cache.specs[index] as CacheSpec;
  const data = (cache.tensors[index] as Tensor).data as Numbers;
  const size = rows * outer * inner;
  const end = (begin + length) * size;
  const view = (from: number, to: number, shape: number[]): Tensor => new Tensor(type, data.subarray(from, to), shape);
  return {
    past: view(begin * size, end, [length, rows, outer, inner]),
    next: view(end, end + size, [rows, outer, 1, inner]),
  };
}

/**
 * Makes sure that another place fits behind the last: by moving to the front where that frees half as many as are moved, else into more
 * memory.
 */
export function makeRoom(cache: Cache): void {
  const { begin, length, capacity, rows } = cache;
  if (begin + length < capacity) return;
  const grown = begin >= length / 2 ? capacity : length + roomFor(length);
  for (const [index, spec] of cache.specs.entries()) {
    if (!spec.inPlaces) continue;
    const data = (cache.tensors[index] as Tensor).data as Numbers;
    const size = rows * spec.outer * spec.inner;
    if (grown === capacity) data.copyWithin(0, begin * size, (begin + length) * size);
    else {
      const more = numbers(spec, grown * size);
      more.set(data.subarray(begin * size, (begin + length) * size));
      cache.tensors[index] = new Tensor(spec.type, more, dims(spec, rows, grown));
    }
  }
  cache.begin = 0;
  cache.capacity = grown;
}

/** Says that a run has written the next place. */
export function tookPlace(cache: Cache): void {
  cache.length += 1;
  for (let row = 0; row < cache.rows; row++) {
    const length = cache.lengths[row] as number;
    const line = cache.lines[row] ?? [];
    line.length = Math.min(line.length, length); // an empty row begins again with each step
    line.push(++lastStamp);
    cache.lines[row] = line;
    cache.lengths[row] = length + 1;
  }
}

/** Places behind the last: making more moves all there are. */
export function roomFor(length: number): number {
  return Math.max(64, length >> 1);
}

/**
 * Zeros in all places of a row. What is hidden counts for nothing, unless it is no number: then nothing that is added to it is one, and
 * who sits there next would come to the same end.
 */
export function wipe({ specs, tensors, rows, length, capacity, source }: Cache, row: number): void {
  for (const [index, { part, outer, inner, inPlaces }] of specs.entries()) {
    const data = (tensors[index] as Tensor).data as Numbers;
    const block = outer * inner;
    if (inPlaces)
      for (let place = 0; place < capacity; place++)
        data.fill(0, (place * rows + row) * block, (place * rows + row + 1) * block);
    else {
      const size = block * (part === 'own' ? length : source);
      data.fill(0, row * size, (row + 1) * size);
    }
  }
}

/** Bytes the tensors take now, padding, empty rows and room included. */
export function cacheBytes({ tensors }: Cache): number {
  return tensors.reduce((bytes, { data }) => bytes + (data as Numbers).buffer.byteLength, 0);
}

/** A row of another cache, into the tensors and at the place of which this one's fields already tell. */
export function copyRow(index: number, from: Cache, fromRow: number, to: Cache, toRow: number): void {
  const spec = from.specs[index] as CacheSpec;
  if (spec.inPlaces) {
    copyPlaces(spec, index, from, fromRow, to, toRow);
    return;
  }
  const own = spec.part === 'own';
  const fromTokens = own ? from.length : from.source;
  const toTokens = own ? to.length : to.source;
  const count = (own ? from.lengths[fromRow] : from.sources[fromRow]) as number;
  const fromData = (from.tensors[index] as Tensor).data as Numbers;
  const toData = (to.tensors[index] as Tensor).data as Numbers;
  const fromSkip = own ? fromTokens - count : 0;
  const toSkip = own ? toTokens - count : 0;
  for (let each = 0; each < spec.outer; each++) {
    const start = ((fromRow * spec.outer + each) * fromTokens + fromSkip) * spec.inner;
    const at = ((toRow * spec.outer + each) * toTokens + toSkip) * spec.inner;
    toData.set(fromData.subarray(start, start + count * spec.inner), at);
  }
}

function copyPlaces(spec: CacheSpec, index: number, from: Cache, fromRow: number, to: Cache, toRow: number): void {
  const block = spec.outer * spec.inner;
  const count = from.lengths[fromRow] as number;
  const fromData = (from.tensors[index] as Tensor).data as Numbers;
  const toData = (to.tensors[index] as Tensor).data as Numbers;
  const fromPlace = from.begin + from.length - count;
  const toPlace = to.begin + to.length - count;
  for (let place = 0; place < count; place++) {
    const start = ((fromPlace + place) * from.rows + fromRow) * block;
    toData.set(fromData.subarray(start, start + block), ((toPlace + place) * to.rows + toRow) * block);
  }
}

export function dims({ rank, outer, inner, inPlaces }: CacheSpec, rows: number, tokens: number): number[] {
  if (inPlaces) return [tokens, rows, outer, inner];
  return rank === 4 ? [rows, outer, tokens, inner] : [rows, tokens, inner];
}

/** Zeros. Half floats are their bits. */
export function numbers({ type }: CacheSpec, count: number): Numbers {
  return (type === 'float32' ? new Float32Array(count) : new Uint16Array(count)) as Numbers;
}
