import assert from 'node:assert/strict';
import { rankLabels, sigmoid, softmax } from '../../../services/classify/labels.js';

describe('labels', () => {
  it('make probabilities of any logits, however large', () => {
    assert.deepEqual([...softmax([1_000, 1_000])], [0.5, 0.5]);
    assert.deepEqual([...softmax([-1_000, 0])], [0, 1]);
    assert.deepEqual([...sigmoid([0, 1_000, -1_000])], [0.5, 1, 0]);
  });

  it('are ranked best first, equals in the order of the model', () => {
    const labels = ['a', 'b', 'c', 'd'];
    const rank = (topK: number, threshold: number) =>
      rankLabels(labels, [0.2, 0.5, 0.2, 0.1], { topK, threshold }).map(({ label }) => label);
    assert.deepEqual(rank(0, Number.NEGATIVE_INFINITY), ['b', 'a', 'c', 'd']);
    assert.deepEqual(rank(2, Number.NEGATIVE_INFINITY), ['b', 'a']);
    assert.deepEqual(rank(0, 0.2), ['b', 'a', 'c']);
    assert.deepEqual(rank(0, 0.6), []);
  });
});
