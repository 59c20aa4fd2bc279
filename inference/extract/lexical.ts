/**
 * Sentence vectors without a model: words hashed into a fixed number of places, rare ones weighing more. Good enough to see what a
 * text is about and what repeats, in every language that has words; used where no embedder is at hand and to pick from a book.
 */
import type { Turns } from '../turns.js';
import { unit } from './features.js';
import { inSlices } from './slices.js';
import { wordsOf } from './words.js';

const PLACES = 256;

/** Vectors of length 1 (zeros for a sentence without words), one a sentence. */
export async function lexicalVectors(sentences: readonly string[], turns: Turns): Promise<Float64Array[]> {
  const words: string[][] = [];
  const holders = new Map<string, number>();
  await inSlices(sentences.length, turns, (index) => {
    // One letter alone says nothing, one Chinese character is a word.
    const own = wordsOf(sentences[index] as string).filter((word) => word.length > 1 || /\p{Script=Han}/u.test(word));
    words.push(own);
    for (const word of new Set(own)) holders.set(word, (holders.get(word) ?? 0) + 1);
  });
  const vectors: Float64Array[] = [];
  await inSlices(sentences.length, turns, (index) => {
    const vector = new Float64Array(PLACES);
    for (const word of words[index] as string[]) {
      const rarity = Math.log(1 + sentences.length / (holders.get(word) as number));
      const hash = hashOf(word);
      const place = hash % PLACES;
      // A sign of its own keeps two words that share a place from looking alike.
      vector[place] = (vector[place] as number) + (hash & 0x10000 ? rarity : -rarity);
    }
    vectors.push(unit(vector));
  });
  return vectors;
}

/** FNV-1a. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
