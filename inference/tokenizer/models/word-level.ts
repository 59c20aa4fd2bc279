// WordLevel: a word is a token or unknown.
import { TokenizerError } from '../error.js';
import { HASH_SEED, hashText } from '../hash.js';
import type { Vocabulary } from '../vocabulary.js';
import type { Model } from './model.js';

export function createWordLevel(vocabulary: Vocabulary, unknownToken: string): Model {
  const unknown = vocabulary.idOf(unknownToken);
  return {
    vocabulary,
    size: vocabulary.size,
    tokenize(text, start, end, sink) {
      let id = vocabulary.find(text, start, end, hashText(text, start, end, HASH_SEED), 0);
      if (id < 0) id = unknown;
      if (id < 0) throw new TokenizerError(`the vocabulary lacks its own unknown token ${unknownToken}`);
      sink.push(id, start, end);
    },
  };
}
