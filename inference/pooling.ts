/**
 * Token vectors to one vector, and vectors to unit length. Runs in the workers, so that one pooled row crosses to the RPC thread
 * and not a row a token. Sums are kept in double precision: Float32Array arithmetic is double anyway and only rounds when stored.
 */
import { POOLING_MODES, type Pooling, type PoolingMode, poolingModes } from '../models/index.js';

/** What a request may ask for of a model that gives token vectors. */
export const POOLINGS: readonly PoolingMode[] = POOLING_MODES;

/** Numbers of a pooled vector: token vectors of `width`, once a mode. */
export function pooledWidth(pooling: Pooling, width: number): number {
  return poolingModes(pooling).length * width;
}

/** Where the token vectors of one text lie. Padding stands after them and is never read. */
export interface TokenVectors {
  hidden: Float32Array;
  /** Where the first begins. */
  from: number;
  /** How many there are. */
  length: number;
  /** Numbers of each. */
  width: number;
  /** Leading tokens (those of a prompt) that are not pooled. */
  skip: number;
}

/**
 * Pools into `into` at `at`, keeping the first `dimensions` numbers of what the modes give one after the other. No token at all
 * gives zeros.
 */
export function pool(
  pooling: Pooling,
  vectors: TokenVectors,
  into: Float32Array,
  at: number,
  dimensions: number,
): void {
  let done = 0;
  for (const mode of poolingModes(pooling)) {
    const keep = Math.min(vectors.width, dimensions - done);
    if (keep <= 0) return;
    poolOne(mode, vectors, into, at + done, keep);
    done += keep;
  }
}

function poolOne(mode: PoolingMode, vectors: TokenVectors, into: Float32Array, at: number, dimensions: number): void {
  const { hidden, from, length, width, skip } = vectors;
  const counted = length - skip;
  if (counted <= 0) {
    into.fill(0, at, at + dimensions);
    return;
  }
  switch (mode) {
    case 'cls':
      into.set(hidden.subarray(from + skip * width, from + skip * width + dimensions), at);
      return;
    case 'last': {
      const last = from + (length - 1) * width;
      into.set(hidden.subarray(last, last + dimensions), at);
      return;
    }
    case 'max':
      for (let column = 0; column < dimensions; column++) {
        let most = Number.NEGATIVE_INFINITY;
        for (let row = skip, place = from + skip * width + column; row < length; row++, place += width) {
          const value = hidden[place] as number;
          if (value > most) most = value;
        }
        into[at + column] = most;
      }
      return;
    case 'mean':
      sumColumns(vectors, into, at, dimensions, counted);
      return;
    case 'mean_sqrt_len':
      sumColumns(vectors, into, at, dimensions, Math.sqrt(counted));
      return;
    case 'weightedmean': {
      // The n-th token counts n times: later ones have read more of the text in a decoder (SGPT, arXiv 2202.08904).
      const weights = (length * (length + 1) - skip * (skip + 1)) / 2;
      for (let column = 0; column < dimensions; column++) {
        let sum = 0;
        for (let row = skip, place = from + skip * width + column; row < length; row++, place += width)
          sum += (hidden[place] as number) * (row + 1);
        into[at + column] = sum / weights;
      }
    }
  }
}

/** Sums over the tokens, divided by `by`. Four columns at a time: their sums stay in registers, and a row's cache line is fetched once for all four. */
function sumColumns(
  { hidden, from, length, width, skip }: TokenVectors,
  into: Float32Array,
  at: number,
  dimensions: number,
  by: number,
): void {
  const first = from + skip * width;
  let column = 0;
  for (; column + 4 <= dimensions; column += 4) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let row = skip, place = first + column; row < length; row++, place += width) {
      a += hidden[place] as number;
      b += hidden[place + 1] as number;
      c += hidden[place + 2] as number;
      d += hidden[place + 3] as number;
    }
    into[at + column] = a / by;
    into[at + column + 1] = b / by;
    into[at + column + 2] = c / by;
    into[at + column + 3] = d / by;
  }
  for (; column < dimensions; column++) {
    let sum = 0;
    for (let row = skip, place = first + column; row < length; row++, place += width) sum += hidden[place] as number;
    into[at + column] = sum / by;
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
