/** What is learned of batches whose true cost the test knows. */
import assert from 'node:assert/strict';
import { USUAL_COST } from '../../inference/batcher.js';
import { type Cost, createCost } from '../../inference/cost.js';
import { seeded } from '../kit/upstream.js';

/** Batches as traffic brings them, up to 256 padded tokens. `noise`: share by which each is off at most. */
function seen(count: number, truth: { fixedMs: number; tokenMs: number; share: number }, noise: number): Cost {
  const random = seeded(5);
  const cost = createCost();
  for (let batch = 0; batch < count; batch++) {
    const longest = 4 + Math.floor(random() ** 2 * 250);
    const rows = 1 + Math.floor(random() * (256 / longest));
    const padded = rows * longest;
    const ms = msOf(truth, padded, longest) * (1 + noise * (2 * random() - 1));
    cost.observe({ tokens: Math.ceil(padded * 0.95), padded, longest }, ms, ms);
  }
  return cost;
}

const msOf = (truth: { fixedMs: number; tokenMs: number; share: number }, padded: number, longest: number): number =>
  truth.fixedMs + truth.tokenMs * padded * (1 + truth.share * longest);

const near = (found: number | undefined, wanted: number, share: number): void =>
  assert.ok(found !== undefined && Math.abs(found - wanted) <= share * wanted, `${found}, not ${wanted}`);

describe('the cost of batches', () => {
  it('is not known before there have been some', () => {
    const { runMs, waitMs, tokensWithin, batchCost } = seen(15, { fixedMs: 1, tokenMs: 0.1, share: 0 }, 0);
    assert.deepEqual(
      [runMs(10), waitMs(10, 1), tokensWithin(10), batchCost()],
      [undefined, undefined, undefined, USUAL_COST],
    );
    assert.notEqual(seen(16, { fixedMs: 1, tokenMs: 0.1, share: 0 }, 0).runMs(10), undefined);
    assert.deepEqual(seen(63, { fixedMs: 1, tokenMs: 0.1, share: 0 }, 0).batchCost(), USUAL_COST);
  });

  for (const truth of [
    { fixedMs: 0.5, tokenMs: 0.1, share: 0 },
    { fixedMs: 2, tokenMs: 0.1, share: 1 / 512 },
    { fixedMs: 5, tokenMs: 0.8, share: 1 / 256 },
  ])
    it(`is found: ${truth.fixedMs} ms a run, ${truth.tokenMs} a token, ${truth.share.toFixed(4)} of that a token of its row`, () => {
      const cost = seen(1_000, truth, 0.1);
      for (const [padded, longest] of [
        [16, 16],
        [200, 20],
        [256, 128],
        [250, 250],
      ] as const)
        near(cost.runMs(padded, longest), msOf(truth, padded, longest), 0.1);
      const { runTokens, longestShare } = cost.batchCost();
      near(runTokens, Math.max(4, truth.fixedMs / truth.tokenMs), 0.5);
      assert.ok(Math.abs(longestShare - truth.share) < 0.001, `${longestShare}`);
    });

  it('says how large a batch may be, by the rows there were lately', () => {
    const truth = { fixedMs: 2, tokenMs: 0.1, share: 1 / 256 };
    const cost = seen(1_000, truth, 0);
    const usual = cost.runMs(200) as number;
    near(cost.tokensWithin(usual), 200, 0.02);
    assert.ok((cost.runMs(200, 250) as number) > usual);
    assert.equal(cost.tokensWithin(1), 0);
  });

  it('is a line through zero where all batches are of one size, and then says nothing of a run', () => {
    const cost = createCost();
    for (let batch = 0; batch < 200; batch++) cost.observe({ tokens: 10, padded: 10, longest: 10 }, 20, 20);
    near(cost.runMs(30), 60, 1e-9);
    assert.deepEqual(cost.batchCost(), USUAL_COST);
  });

  it('takes proportions from what workers computed, and little from runs that were held up', () => {
    const random = seeded(9);
    const cost = createCost();
    for (let batch = 0; batch < 2_000; batch++) {
      const longest = 4 + Math.floor(random() ** 2 * 60);
      const padded = longest * (1 + Math.floor(random() * (256 / longest)));
      const held = random() < 0.4 ? 8 * random() : 0;
      const computeMs = 1.2 + 0.1 * padded + held;
      cost.observe({ tokens: padded, padded, longest }, computeMs + 5, computeMs);
    }
    const { runTokens } = cost.batchCost();
    assert.ok(runTokens >= 8 && runTokens <= 20, `${runTokens}, not 12`); // 30 where each counts the same
    near(cost.runMs(100), 1.2 + 10 + 1.6 + 5, 0.1);
  });

  it('keeps proportions within bounds after a batch that took seconds', () => {
    const cost = seen(500, { fixedMs: 0.5, tokenMs: 0.1, share: 0 }, 0.1);
    cost.observe({ tokens: 5, padded: 5, longest: 5 }, 30_000, 30_000);
    const { runTokens, longestShare } = cost.batchCost();
    assert.ok(
      runTokens >= 4 && runTokens <= 64 && longestShare >= 0 && longestShare < 1 / 128,
      `${runTokens} ${longestShare}`,
    );
  });
});
