/** How close two texts are by their vectors; greater is closer. */
import type { Metric } from './check.js';

/** Sums over two vectors, of which every metric is made. */
interface Sums {
  dot: number;
  squaresA: number;
  squaresB: number;
  squaresApart: number;
}

/** Similarities of vectors with their sources, one a step; `sources`: one each, or one for all. */
export function* similarities(
  metric: Metric,
  sources: readonly Float32Array[],
  texts: readonly Float32Array[],
): Generator<number> {
  for (const [index, text] of texts.entries()) yield similarity(metric, sourceOf(sources, index), text);
}

export function sourceOf(sources: readonly Float32Array[], index: number): Float32Array {
  return (sources[index] ?? sources[0]) as Float32Array;
}

/** Of two vectors of the same length. The cosine with a vector of zeros is 0. */
export function similarity(metric: Metric, a: Float32Array, b: Float32Array): number {
  const sums: Sums = { dot: 0, squaresA: 0, squaresB: 0, squaresApart: 0 };
  for (let index = 0; index < a.length; index++) add(sums, a[index] as number, b[index] as number);
  return measure(metric, sums);
}

/** Sum of the products of two vectors of the same length. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

/**
 * Compares sparse vectors (id, weight, id, weight, ... in any order, no id twice; what is not there is 0) with their sources (one
 * each, or one for all): the similarity of each text, one a step, so that others can go first in between. `width`: of the vocabulary,
 * so that looking up is an array's work, and a step takes as many as both have weights.
 */
export function* sparseSimilarities(
  metric: Metric,
  sources: readonly Float32Array[],
  texts: readonly Float32Array[],
  width: number,
): Generator<number> {
  let source: Float32Array = new Float32Array(0);
  /** Those of `source`, by id. */
  const weights = new Float32Array(width);
  /** Number of the last text that has the id. */
  const seen = new Uint32Array(width);
  for (const [index, text] of texts.entries()) {
    const next = sourceOf(sources, index);
    if (next !== source) {
      for (let at = 0; at < source.length; at += 2) weights[source[at] as number] = 0;
      for (let at = 0; at < next.length; at += 2) weights[next[at] as number] = next[at + 1] as number;
      source = next;
    }
    const sums: Sums = { dot: 0, squaresA: 0, squaresB: 0, squaresApart: 0 };
    for (let at = 0; at < text.length; at += 2) {
      const id = text[at] as number;
      add(sums, weights[id] as number, text[at + 1] as number);
      seen[id] = index + 1;
    }
    for (let at = 0; at < source.length; at += 2)
      if (seen[source[at] as number] !== index + 1) add(sums, source[at + 1] as number, 0);
    yield measure(metric, sums);
  }
}

/** Products of numbers in one step of maxSim: a millisecond of work at most. */
export const STEP_PRODUCTS_MAX = 2 ** 19;

/**
 * Late interaction: for each vector of `source` the greatest product with a vector of `text`; the steps add up to their sum, and
 * others can go first between them. Both hold vectors of `width` numbers; 0 where the text has none.
 */
export function* maxSim(source: Float32Array, text: Float32Array, width: number): Generator<number> {
  if (text.length === 0) return;
  const rows = Math.max(1, Math.floor(STEP_PRODUCTS_MAX / width)) * width;
  for (let from = 0; from < source.length; from += width) {
    let most = Number.NEGATIVE_INFINITY;
    for (let block = 0; block < text.length; block += rows) {
      if (block > 0) yield 0;
      const end = Math.min(text.length, block + rows);
      for (let at = block; at < end; at += width) {
        let dot = 0;
        for (let column = 0; column < width; column++)
          dot += (source[from + column] as number) * (text[at + column] as number);
        if (dot > most) most = dot;
      }
    }
    yield most;
  }
}

function add(sums: Sums, x: number, y: number): void {
  sums.dot += x * y;
  sums.squaresA += x * x;
  sums.squaresB += y * y;
  sums.squaresApart += (x - y) ** 2;
}

function measure(metric: Metric, { dot, squaresA, squaresB, squaresApart }: Sums): number {
  switch (metric) {
    case 'dot':
      return dot;
    case 'euclidean':
      return squaresApart === 0 ? 0 : -Math.sqrt(squaresApart);
    case 'cosine':
      return squaresA === 0 || squaresB === 0 ? 0 : dot / Math.sqrt(squaresA * squaresB);
  }
}
