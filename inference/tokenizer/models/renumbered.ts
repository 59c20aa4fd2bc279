// A model whose tokens go by other ids than those it works with: pieces of a SentencePiece file as the model behind it was
// trained to number them.
import type { Vocabulary } from '../vocabulary.js';
import type { Model } from './model.js';

/** `ids` by the inner model's ids; `vocabulary` has the texts of the new ones. */
export function createRenumbered(inner: Model, ids: Int32Array, vocabulary: Vocabulary): Model {
  return {
    vocabulary,
    size: vocabulary.idLimit,
    tokenize(text, start, end, sink) {
      const first = sink.length;
      inner.tokenize(text, start, end, sink);
      for (let i = first; i < sink.length; i++) sink.ids[i] = ids[sink.ids[i] as number] as number;
    },
  };
}
