/**
 * What is known of each sentence: how close it is to the whole, where it stands, what words it has. One row of numbers a sentence, in
 * the order of FEATURES; the definitions are those the weights were tuned with (models/training/extractive.py).
 */
import type { Turns } from '../turns.js';
import { inSlices } from './slices.js';
import { type ExtractiveWeights, FEATURES } from './weights.js';
import { isContent, wordsOf } from './words.js';

const QUOTE = /["\u201c\u201d]/;

/** Scaled to length 1; zeros stay. */
export function unit(vector: ArrayLike<number>): Float64Array {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  const scale = 1 / Math.max(Math.sqrt(sum), 1e-12);
  return Float64Array.from(vector, (value) => value * scale);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export function mean(vectors: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  return sum.map((value) => value / vectors.length);
}

/** `vectors`: of length 1, one a sentence. */
export async function features(
  sentences: readonly string[],
  vectors: readonly ArrayLike<number>[],
  { cues, dangling }: Pick<ExtractiveWeights, 'cues' | 'dangling'>,
  turns: Turns,
): Promise<Float64Array[]> {
  const count = sentences.length;
  if (count === 0) return [];
  const centre = unit(mean(vectors));
  const head = unit(mean(vectors.slice(0, 3)));
  const words: string[][] = [];
  const counts = new Map<string, number>();
  await inSlices(count, turns, (index) => {
    const found = wordsOf(sentences[index] as string);
    words.push(found);
    for (const word of found) counts.set(word, (counts.get(word) ?? 0) + 1);
  });
  const rows: Float64Array[] = [];
  await inSlices(count, turns, (index) => {
    const own = words[index] as string[];
    const content = own.filter(isContent);
    let frequency = 0;
    for (const word of content) frequency += Math.log(counts.get(word) as number);
    const vector = vectors[index] as ArrayLike<number>;
    rows.push(
      Float64Array.of(
        dot(vector, centre),
        dot(vector, head),
        Number(index === 0),
        Number(index === 1),
        Number(index === 2),
        1 / (1 + index),
        count > 1 ? index / (count - 1) : 0,
        Math.min(own.length, 20) / 20,
        Math.max(0, Math.min(own.length, 60) - 20) / 40,
        content.length > 0 ? frequency / content.length : 0,
        Number(own.some((word) => cues.has(word))),
        Number(own.some((word) => /\p{N}/u.test(word))),
        Number(QUOTE.test(sentences[index] as string)),
        Number(own.length > 0 && dangling.has(own[0] as string)),
      ),
    );
  });
  return rows;
}

export function scoreOf(row: Float64Array, weights: Readonly<Record<string, number>>): number {
  return FEATURES.reduce((sum, name, index) => sum + (row[index] as number) * (weights[name] as number), 0);
}
