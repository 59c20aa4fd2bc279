// WordPiece: the longest token that starts the word, then the longest continuation, and so on; if one step finds
// nothing, the whole word is unknown.
import { widthAt } from '../aligned-text.js';
import { TokenizerError } from '../error.js';
import { HASH_SEED, hashStep, hashText } from '../hash.js';
import { mayContinue, type Vocabulary } from '../vocabulary.js';
import { WORD_UNITS_MAX, WordCache } from '../word-cache.js';
import type { Model } from './model.js';

export interface WordPieceOptions {
  unknownToken: string;
  /** Marks a token that continues a word; usually ##. */
  prefix: string;
  /** Words with more characters are unknown at once. */
  charactersMax: number;
}

export function createWordPiece(vocabulary: Vocabulary, options: WordPieceOptions): Model {
  const { prefix, charactersMax, unknownToken } = options;
  const unknown = vocabulary.idOf(unknownToken);
  const prefixHash = hashText(prefix, 0, prefix.length, HASH_SEED);
  const longest = vocabulary.longest;
  const filter = vocabulary.createPrefixFilter();
  const cache = new WordCache();

  const unknownId = (): number => {
    if (unknown < 0) throw new TokenizerError(`the vocabulary lacks its own unknown token ${unknownToken}`);
    return unknown;
  };

  return {
    vocabulary,
    size: vocabulary.size,
    tokenize(text, start, end, sink) {
      const cached = end - start <= WORD_UNITS_MAX;
      if (cached && cache.replay(text, start, end, sink)) return;
      const first = sink.length;
      if (end - start > charactersMax && countCharacters(text, start, end) > charactersMax) {
        sink.push(unknownId(), start, end);
      } else {
        let from = start;
        while (from < end) {
          const skip = from === start ? 0 : prefix.length;
          let hash = from === start ? HASH_SEED : prefixHash;
          const limit = Math.min(end, from + longest - skip);
          let id = -1;
          let to = from;
          for (let i = from; i < limit; i++) {
            hash = hashStep(hash, text.charCodeAt(i));
            const found = vocabulary.find(text, from, i + 1, hash, skip);
            if (found >= 0) {
              id = found;
              to = i + 1;
            }
            if (!mayContinue(filter, hash)) break;
          }
          if (id < 0) {
            sink.length = first;
            sink.push(unknownId(), start, end);
            break;
          }
          sink.push(id, from, to);
          from = to;
        }
      }
      if (cached) cache.keep(text, start, end, sink, first);
    },
  };
}

function countCharacters(text: string, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i += widthAt(text, i)) count++;
  return count;
}
