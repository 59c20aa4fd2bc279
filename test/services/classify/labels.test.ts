import assert from 'node:assert/strict';
import { rank, sigmoid, softmax } from '../../../services/classify/labels.js';

describe('labels', () => {
  it('make probabilities of any logits, however large', () => {
    assert.deepEqual([...softmax([1_000, 1_000])], [0.5, 0.5]);
    assert.deepEqual([...softmax([-1_000, 0])], [0, 1]);
    assert.deepEqual([...sigmoid([0, 1_000, -1_000])], [0.5, 1, 0]);
  });

  it('are ranked best first, equals in the order of the model', () => {
    const places = (topK: number, threshold: number) => rank([0.2, 0.5, 0.2, 0.1], { topK, threshold });
    assert.deepEqual(places(0, Number.NEGATIVE_INFINITY), [1, 0, 2, 3]);
    assert.deepEqual(places(2, Number.NEGATIVE_INFINITY), [1, 0]);
    assert.deepEqual(places(0, 0.2), [1, 0, 2]);
    assert.deepEqual(places(0, 0.6), []);
  });
});
