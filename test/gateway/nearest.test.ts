/** Suggestions for mistyped names. */
import assert from 'node:assert/strict';
import { didYouMean, nearest } from '../../gateway/nearest.js';

describe('the nearest name', () => {
  for (const [given, known, expected] of [
    ['txts', ['texts', 'text'], 'texts'],
    ['promptName', ['prompt_name', 'pooling'], 'prompt_name'],
    ['topk', ['top_k', 'top_p'], 'top_k'],
    ['Embd', ['Embed', 'EmbedStream'], 'Embed'],
    ['tetxs', ['texts', 'tests'], 'texts'],
    ['zzzzzz', ['texts'], undefined],
    ['', ['texts'], undefined],
  ] as const) {
    it(`of "${given}" is ${expected}`, () => assert.equal(nearest(given, known), expected));
  }

  it('is a question, or nothing', () => {
    assert.equal(didYouMean('txts', ['texts']), 'did you mean "texts"?');
    assert.equal(didYouMean('zzzzzz', ['texts']), '');
  });
});
