import assert from 'node:assert/strict';
import fc from 'fast-check';
import { paddedTokens, pickBatch } from '../../inference/batcher.js';

const limits = { tokensMax: 256, rowsMax: 64 };
const of = (...tokens: number[]): { tokens: number }[] => tokens.map((each) => ({ tokens: each }));
const windows = fc.array(fc.record({ tokens: fc.integer({ min: 0, max: 600 }) }), { minLength: 1, maxLength: 300 });

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
