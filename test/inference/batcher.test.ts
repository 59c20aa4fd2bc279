import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type BatchLimits, paddedTokens, pickBatch as pickAt, USUAL_COST } from '../../inference/batcher.js';

interface Text {
  tokens: number;
  queuedMs: number;
}

const limits = { tokensMax: 256, rowsMax: 64 };
const of = (...tokens: number[]): Text[] => tokens.map((each) => ({ tokens: each, queuedMs: 0 }));
const windows = fc.array(
  fc.record({ tokens: fc.integer({ min: 0, max: 600 }), queuedMs: fc.integer({ min: -200, max: 0 }) }),
  { minLength: 1, maxLength: 300 },
);
const pickBatch = (window: readonly Text[], most: BatchLimits): number[] =>
  pickAt(window, most, { nowMs: 0, cost: USUAL_COST });

describe('the batcher', () => {
  it('takes nobody where nobody waits', () => {
    assert.deepEqual(pickBatch([], limits), []);
  });

  it('takes entries of similar length and leaves the others', () => {
    const picked = pickBatch(of(20, 100, 21, 3, 19, 20, 110), limits);
    assert.deepEqual(
      picked.sort((a, b) => a - b),
      [0, 2, 4, 5],
    );
  });

  it('lets a text that fills half the budget or more run with one of its kind at most', () => {
    assert.deepEqual(pickBatch(of(200, 5, 5, 5), limits), [0]);
    assert.equal(pickBatch(of(128, 128, 128), limits).length, 2);
  });

  it('runs a text beyond the budget alone', () => {
    assert.deepEqual(pickBatch(of(512, 512, 1), limits), [0]);
  });

  it('counts a text without tokens as one', () => {
    assert.equal(pickBatch(of(...new Array(100).fill(0)), { tokensMax: 10, rowsMax: 64 }).length, 10);
  });

  it('takes fewer where a run costs less before its first token', () => {
    const window = of(20, 24, 15);
    const picked = (runTokens: number) => pickAt(window, limits, { nowMs: 0, cost: { runTokens, longestShare: 0 } });
    assert.deepEqual(picked(0), [0]);
    assert.deepEqual(picked(60).length, 3);
  });

  it('takes no longer neighbour where rows cost more by their length', () => {
    const window = of(20, 22);
    const picked = (longestShare: number) => pickAt(window, limits, { nowMs: 0, cost: { runTokens: 5, longestShare } });
    assert.deepEqual(picked(0), [0, 1]);
    assert.deepEqual(picked(0.1), [0]);
  });

  it('leaves a newcomer out for an older text of less similar length, however long ago both came', () => {
    const cost = { runTokens: 5, longestShare: 0 };
    for (const scale of [1, 1_000]) {
      const odd = { tokens: 23, queuedMs: -90 * scale };
      const newcomer = { tokens: 18, queuedMs: 0 };
      const window = [{ tokens: 20, queuedMs: -100 * scale }, newcomer, odd];
      assert.deepEqual(pickAt(window, limits, { nowMs: 0, cost }), [0, 2]);
      const same = window.map(({ tokens }) => ({ tokens, queuedMs: -100 }));
      assert.deepEqual(pickAt(same, limits, { nowMs: 0, cost }), [1, 0], 'of one age, only lengths count');
    }
  });

  it('always takes the oldest, each place once, within the budget', () => {
    fc.assert(
      fc.property(
        windows,
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 40 }),
        (window, tokensMax, rowsMax) => {
          const picked = pickBatch(window, { tokensMax, rowsMax });
          assert.ok(picked.includes(0));
          assert.equal(new Set(picked).size, picked.length);
          assert.ok(picked.every((place) => place >= 0 && place < window.length));
          assert.ok(picked.length <= rowsMax);
          const padded = paddedTokens(picked.map((place) => window[place] as { tokens: number }));
          assert.ok(picked.length === 1 || padded <= tokensMax, `${padded} of ${tokensMax}`);
        },
      ),
    );
  });

  it('never pads more than an exchange of neighbours in length could save', () => {
    fc.assert(
      fc.property(windows, (window) => {
        const picked = new Set(pickBatch(window, limits));
        const lengths = [...picked].map((place) => Math.max(1, window[place]?.tokens ?? 0));
        const [low, high] = [Math.min(...lengths), Math.max(...lengths)];
        // Whoever has a length strictly between the shortest and the longest of the batch is in it.
        for (const [place, { tokens }] of window.entries()) {
          if (tokens > low && tokens < high) assert.ok(picked.has(place));
        }
      }),
    );
  });
});
