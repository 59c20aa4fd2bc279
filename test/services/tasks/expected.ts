/** What reference.py wrote, and the models it was asked of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PoolingMode } from '../../../models/index.js';
import { packageRoot } from '../../../protos/index.js';

const HERE = join(packageRoot, 'test', 'services', 'tasks');

export const FIXTURES = join(HERE, 'fixtures');

export interface Expected {
  texts: string[];
  /** Longer than the fixtures take. */
  long: string;
  /** Label, score, word, start and end in code points, place of the token (-1: joined). */
  entities: Record<
    string,
    {
      text: string;
      strategy: 'none' | 'simple' | 'first' | 'average' | 'max';
      ignore: string[];
      stride?: number;
      entities: [string, number, string, number, number, number][];
    }[]
  >;
  zeroShot: Record<
    string,
    { text: string; labels: string[]; template: string; multi: boolean; ranked: string[]; scores: number[] }[]
  >;
  rerank: { query: string; texts: string[]; order: number[]; logits: number[]; scores: number[] }[];
  /** Of each vector the first five numbers and the last three. */
  poolings: { mode: string | string[]; include: boolean; prompt: string; vectors: number[][] }[];
  cuts: { side: 'right' | 'left'; dimensions: number; ids: number[]; vector: number[] }[];
  tokens: {
    /** Of each token's vector the first three numbers, as it is and at length 1. */
    texts: {
      text: string;
      ids: number[];
      tokens: string[];
      offsets: [number, number][];
      first: number[][];
      unit: number[][];
    }[];
    maxsim: number[];
  };
  sparse: {
    pooling: 'max' | 'sum';
    activation: 'relu' | 'log1p_relu';
    /** Products of the first text with all. */
    dots: number[];
    weights: Record<string, number>[];
  }[];
}

export const expected = JSON.parse(readFileSync(join(HERE, 'expected.json'), 'utf8')) as Expected;

/** sentence-transformers' names of modes to ours. */
export function modeOf(mode: string): PoolingMode {
  return (mode === 'lasttoken' ? 'last' : mode === 'mean_sqrt_len_tokens' ? 'mean_sqrt_len' : mode) as PoolingMode;
}

/** A place in code points as one in UTF-16 code units. */
export function utf16(text: string, points: number): number {
  return [...text].slice(0, points).join('').length;
}

/** The largest difference of two lists of the same length. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let index = 0; index < a.length; index++)
    most = Math.max(most, Math.abs((a[index] as number) - (b[index] as number)));
  return most;
}
