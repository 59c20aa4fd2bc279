/** How close two texts are by their vectors; greater is closer. */
import type { Metric } from './check.js';

/** Sums over two vectors, of which every metric is made. */
interface Sums {
  dot: number;
  squaresA: number;
  squaresB: number;
  squaresApart: number;
}

/** Of two vectors of the same length. The cosine with a vector of zeros is 0. */
export function similarity(metric: Metric, a: Float32Array, b: Float32Array): number {
  const sums: Sums = { dot: 0, squaresA: 0, squaresB: 0, squaresApart: 0 };
  for (let index = 0; index < a.length; index++) add(sums, a[index] as number, b[index] as number);
  return measure(metric, sums);
}

/** Of two sparse vectors: id, weight, id, weight, ... in any order, no id twice; what is not there is 0. */
export function sparseSimilarity(metric: Metric, a: Float32Array, b: Float32Array): number {
  const sums: Sums = { dot: 0, squaresA: 0, squaresB: 0, squaresApart: 0 };
  const weights = new Map<number, number>();
  for (let at = 0; at < a.length; at += 2) weights.set(a[at] as number, a[at + 1] as number);
  for (let at = 0; at < b.length; at += 2) {
    const id = b[at] as number;
    add(sums, weights.get(id) ?? 0, b[at + 1] as number);
    weights.delete(id);
  }
  for (const weight of weights.values()) add(sums, weight, 0);
  return measure(metric, sums);
}

/**
 * Late interaction: for each vector of `source` the greatest product with a vector of `text`, one a step, so that whoever adds
 * them up can let others go first in between. Both hold vectors of `width` numbers; 0 where the text has none.
 */
export function* maxProducts(source: Float32Array, text: Float32Array, width: number): Generator<number> {
  for (let from = 0; from < source.length; from += width) {
    let most = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < text.length; at += width) {
      let dot = 0;
      for (let column = 0; column < width; column++)
        dot += (source[from + column] as number) * (text[at + column] as number);
      if (dot > most) most = dot;
    }
    yield text.length === 0 ? 0 : most;
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
