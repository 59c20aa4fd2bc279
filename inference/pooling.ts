/**
 * Token vectors to one vector, and vectors to unit length. Runs in the workers, so that one pooled row crosses to the RPC thread
 * and not a row a token. Sums are kept in double precision: Float32Array arithmetic is double anyway and only rounds when stored.
 */
import type { Pooling } from '../models/index.js';

export const POOLINGS: readonly Pooling[] = ['mean', 'cls', 'last', 'max'];

/**
 * Pools `length` token vectors of `width` that begin at `from` in `hidden` into `into` at `at`, keeping the first `dimensions`
 * numbers. Padding stands after the tokens and is never read. No token at all gives zeros.
 */
export function pool(
  pooling: Pooling,
  hidden: Float32Array,
  from: number,
  length: number,
  width: number,
  into: Float32Array,
  at: number,
  dimensions: number,
): void {
  if (length === 0) {
    into.fill(0, at, at + dimensions);
    return;
  }
  switch (pooling) {
    case 'cls':
      into.set(hidden.subarray(from, from + dimensions), at);
      return;
    case 'last': {
      const last = from + (length - 1) * width;
      into.set(hidden.subarray(last, last + dimensions), at);
      return;
    }
    case 'max':
      for (let column = 0; column < dimensions; column++) {
        let most = Number.NEGATIVE_INFINITY;
        for (let row = 0, place = from + column; row < length; row++, place += width) {
          const value = hidden[place] as number;
          if (value > most) most = value;
        }
        into[at + column] = most;
      }
      return;
    case 'mean': {
      // Four columns at a time: their sums stay in registers, and a row's cache line is fetched once for all four.
      let column = 0;
      for (; column + 4 <= dimensions; column += 4) {
        let [a, b, c, d] = [0, 0, 0, 0];
        for (let row = 0, place = from + column; row < length; row++, place += width) {
          a += hidden[place] as number;
          b += hidden[place + 1] as number;
          c += hidden[place + 2] as number;
          d += hidden[place + 3] as number;
        }
        into[at + column] = a / length;
        into[at + column + 1] = b / length;
        into[at + column + 2] = c / length;
        into[at + column + 3] = d / length;
      }
      for (; column < dimensions; column++) {
        let sum = 0;
        for (let row = 0, place = from + column; row < length; row++, place += width) sum += hidden[place] as number;
        into[at + column] = sum / length;
      }
    }
  }
}

/** Scales `vector` to length 1 in place; a vector of zeros stays as it is. */
export function normalize(vector: Float32Array): void {
  let squares = 0;
  for (let index = 0; index < vector.length; index++) squares += (vector[index] as number) ** 2;
  if (squares === 0) return;
  const scale = 1 / Math.sqrt(squares);
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] as number) * scale;
}
