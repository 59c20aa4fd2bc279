/**
 * Sentence vectors without a model: words hashed into a fixed number of places, rare ones weighing more. Good enough to see what a
 * text is about and what repeats, in every language that has words; used where no embedder is at hand and to pick from a book.
 */
import { unit } from './features.js';

const PLACES = 256;

/** Vectors of length 1 (zeros for a sentence without words), one a sentence. */
export function lexicalVectors(sentences: readonly string[]): Float64Array[] {
  const words = sentences.map((sentence) => sentence.toLowerCase().match(/[\p{L}\p{N}]{2,}|[\p{Script=Han}]/gu) ?? []);
  const holders = new Map<string, number>();
  for (const own of words) for (const word of new Set(own)) holders.set(word, (holders.get(word) ?? 0) + 1);
  return words.map((own) => {
    const vector = new Float64Array(PLACES);
    for (const word of own) {
      const rarity = Math.log(1 + sentences.length / (holders.get(word) as number));
      const hash = hashOf(word);
      const place = hash % PLACES;
      // A sign of its own keeps two words that share a place from looking alike.
      vector[place] = (vector[place] as number) + (hash & 0x10000 ? rarity : -rarity);
    }
    return unit(vector);
  });
}

/** FNV-1a. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
