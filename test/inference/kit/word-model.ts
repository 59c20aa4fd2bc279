/** The files of a model whose tokenizer knows a few words, for tests that bring their own worker. */
import type { Files } from '../../kit/model-folder.js';

const WORDS = ['[PAD]', '[UNK]', 'one', 'two', 'three'];

export function wordFiles(weights: string): Files {
  return {
    'config.json': '{"model_type":"words"}',
    'tokenizer.json': JSON.stringify({
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: 'Whitespace' },
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', unk_token: '[UNK]', vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])) },
    }),
    [weights]: 'no weights',
  };
}
