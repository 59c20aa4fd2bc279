/** How close two vectors are; greater is closer. */
import type { Metric } from './check.js';

/** Of two vectors of the same length. The cosine with a vector of zeros is 0. */
export function similarity(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  let squaresApart = 0;
  for (let index = 0; index < a.length; index++) {
    const x = a[index] as number;
    const y = b[index] as number;
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
    squaresApart += (x - y) ** 2;
  }
  switch (metric) {
    case 'dot':
      return dot;
    case 'euclidean':
      return squaresApart === 0 ? 0 : -Math.sqrt(squaresApart);
    case 'cosine':
      return squaresA === 0 || squaresB === 0 ? 0 : dot / Math.sqrt(squaresA * squaresB);
  }
}
