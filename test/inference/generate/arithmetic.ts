/**
 * A graph of arithmetic: logits are a hash of a row's source and of its own tokens, both read from the cached tensors, padding left
 * out. So a token that was moved wrongly, or a neighbour that shines through, changes what comes out.
 */
import { Tensor } from 'onnxruntime-node';
import {
  type Cache,
  type CacheSpec,
  dims,
  makeRoom,
  newCache,
  numbers,
  places as placesOf,
  tookPlace,
} from '../../../inference/generate/cache.js';
import type { Graph, Logits, Top, Wanted } from '../../../inference/generate/graph.js';

export const VOCAB = 24;

/**
 * How rows share steps: only those of one age; of any age, in tensors that grow; the same, and prompts read in parts; of any age, the
 * past in places, prompts read apart, and logits given only to who wants them.
 */
export type Sharing = 'one age' | 'any age' | 'in parts' | 'in places';
/** Tokens of a part. */
const PART = 64;

export const spec = (
  part: CacheSpec['part'],
  shape: Partial<Pick<CacheSpec, 'type' | 'outer' | 'inner' | 'inPlaces'>> = {},
): CacheSpec => ({
  input: part,
  output: part === 'own' ? part : undefined,
  part,
  type: 'float32',
  rank: 4,
  outer: 2,
  inner: 1,
  inPlaces: false,
  ...shape,
});

export interface ArithmeticGraph extends Graph {
  /** Rows of each step so far, and prompts of each reading. */
  readonly steps: number[];
  readonly readings: number[];
  /** Parts that prompts have been read in. */
  parts: number;
  /** A prompt that has this token cannot be read. */
  poison: number;
  /** A source that has this token gives logits that are not numbers. */
  poisonLogits: number;
  /** As of eight-bit models: empty rows must be copies. */
  oneScale: boolean;
  /** Of each step, rows of which no other holds the same tokens. */
  readonly distinct: number[];
  /** Makes the next step fail. */
  breakNext(): void;
}

/** What a TopK gives of a row. */
export function topOf(row: Float32Array, count: number): Top {
  const ids = [...row.keys()].sort((a, b) => (row[b] as number) - (row[a] as number) || a - b).slice(0, count);
  return { ids: BigInt64Array.from(ids, BigInt), scores: Float32Array.from(ids, (id) => row[id] as number) };
}

/** As a graph that chooses itself gives them. */
function choosing({ rows, row }: Logits, wanted: Wanted): Logits {
  return {
    rows,
    row(index) {
      if (!wanted.logits) throw new Error('nobody wanted the logits');
      return row(index);
    },
    top: wanted.top > 0 ? (index) => topOf(row(index), wanted.top) : undefined,
  };
}

export function createArithmetic(sharing: Sharing = 'any age'): ArithmeticGraph {
  const inPlaces = sharing === 'in places';
  const SPECS = [spec('own', { inPlaces }), spec('source')];
  let graph: ArithmeticGraph | undefined;
  const steps: number[] = [];
  const readings: number[] = [];
  let broken = false;

  const logitsOf = (cache: Cache): Logits => ({
    rows: cache.rows,
    row(row) {
      let hash = 7;
      const tokens = [...valid(cache, 1, row), -1, ...valid(cache, 0, row)];
      if (tokens.includes(graph?.poisonLogits ?? -1) && graph?.poisonLogits !== -1)
        return new Float32Array(VOCAB).fill(Number.NaN);
      for (const token of tokens) hash = Math.imul(hash ^ (token + 31), 0x01000193);
      return Float32Array.from({ length: VOCAB }, (_, id) => {
        let mixed = Math.imul(hash ^ Math.imul(id + 1, 0x9e3779b9), 0x85ebca6b);
        mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
        return (((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32) * 4;
      });
    },
  });

  const valid = (cache: Cache, index: number, row: number): number[] => {
    const own = index === 0;
    const places = own ? cache.length : cache.source;
    const count = (own ? cache.lengths[row] : cache.sources[row]) as number;
    const data = (cache.tensors[index] as Tensor).data as Float32Array;
    if (own && inPlaces) {
      const last = cache.begin + cache.length;
      const at = (place: number): number => (place * cache.rows + row) * 2;
      const held = Array.from({ length: count }, (_, back) => at(last - count + back));
      if (held.some((start) => data[start] !== -(data[start + 1] as number))) throw new Error('heads differ');
      return held.map((start) => data[start] as number);
    }
    const half = (outer: number): number[] => {
      const start = (row * 2 + outer) * places + (own ? places - count : 0);
      return [...data.subarray(start, start + count)];
    };
    const [first, second] = [half(0), half(1)];
    // The second head holds the same numbers, negated: heads that are copied apart are seen.
    if (first.some((value, at) => value !== -(second[at] as number))) throw new Error('heads differ');
    return first;
  };

  const write = (data: Float32Array, row: number, places: number, at: number, value: number): void => {
    data[row * 2 * places + at] = value;
    data[(row * 2 + 1) * places + at] = -value;
  };

  graph = {
    vocabSize: VOCAB,
    ragged: sharing !== 'one age',
    reads: inPlaces ? 'apart' : sharing === 'in parts' ? 'in parts' : 'whole',
    mixedPrompts: true,
    oneScale: false,
    distinct: [],
    parts: 0,
    specs: SPECS,
    description: 'arithmetic',
    steps,
    readings,
    poison: -1,
    poisonLogits: -1,
    breakNext() {
      broken = true;
    },
    async prefill(prompts, pause) {
      // Read apart, a prompt takes as long as many steps.
      for (let turn = 0; turn < (inPlaces ? 40 : 1); turn++) await new Promise((resolve) => setImmediate(resolve));
      const longest = Math.max(...prompts.map((prompt) => prompt.length));
      for (let read = PART; pause && read < longest; read += PART) {
        if (graph) graph.parts++;
        await pause();
      }
      readings.push(prompts.length);
      if (prompts.some((prompt) => prompt.includes(graph?.poison ?? -1))) throw new Error('poison');
      const rows = prompts.length;
      const source = Math.max(...prompts.map((prompt) => prompt.length));
      const cache = newCache(SPECS, {
        rows,
        length: 1,
        lengths: prompts.map(() => (inPlaces ? 0 : 1)),
        source,
        sources: prompts.map((prompt) => prompt.length),
      });
      const [own, given] = SPECS.map(
        (each, index) => numbers(each, rows * 2 * (index === 0 ? 1 : source)) as Float32Array,
      );
      for (const [row, prompt] of prompts.entries()) {
        write(own as Float32Array, row, 1, 0, inPlaces ? 99 : 0);
        for (const [at, token] of prompt.entries()) write(given as Float32Array, row, source, at, token);
      }
      cache.tensors = [
        new Tensor('float32', own as Float32Array, dims(SPECS[0] as CacheSpec, rows, 1)),
        new Tensor('float32', given as Float32Array, dims(SPECS[1] as CacheSpec, rows, source)),
      ];
      return { logits: inPlaces ? undefined : logitsOf(cache), cache };
    },
    async step(cache, tokens, wanted) {
      await new Promise((resolve) => setImmediate(resolve));
      if (broken) {
        broken = false;
        throw new Error('broken');
      }
      if (sharing === 'one age' && new Set(cache.lengths.filter((length) => length > 0)).size > 1)
        throw new Error('rows of different age');
      steps.push(cache.rows);
      const held = tokens.map((token, row) => [valid(cache, 1, row), valid(cache, 0, row), token].join(' '));
      graph?.distinct.push(new Set(held).size);
      if (inPlaces) {
        makeRoom(cache);
        const { past, next } = placesOf(cache, 0);
        const [before, written] = [past.data as Float32Array, next.data as Float32Array];
        for (let row = 0; row < cache.rows; row++) {
          const overflows = valid(cache, 1, row).includes(graph?.poisonLogits ?? -1);
          // What is hidden is multiplied by nothing, which is no number where it is none.
          for (let place = 0; place < cache.length && !overflows; place++)
            if (!Number.isFinite(before[(place * cache.rows + row) * 2])) throw new Error('left by somebody else');
          written[row * 2] = overflows ? Number.POSITIVE_INFINITY : (tokens[row] as number);
          written[row * 2 + 1] = -(written[row * 2] as number);
        }
        tookPlace(cache);
        return choosing(logitsOf(cache), wanted);
      }
      const before = (cache.tensors[0] as Tensor).data as Float32Array;
      const places = cache.length + 1;
      const data = new Float32Array(cache.rows * 2 * places);
      for (let line = 0; line < cache.rows * 2; line++) {
        data.set(before.subarray(line * cache.length, (line + 1) * cache.length), line * places);
      }
      for (let row = 0; row < cache.rows; row++) write(data, row, places, cache.length, tokens[row] as number);
      cache.tensors[0] = new Tensor('float32', data, dims(SPECS[0] as CacheSpec, cache.rows, places));
      cache.length = places;
      cache.lengths = cache.lengths.map((length) => length + 1);
      return logitsOf(cache);
    },
    async leave() {},
    async close() {},
  };
  return graph;
}
