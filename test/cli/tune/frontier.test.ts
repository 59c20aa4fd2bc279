/** The frontier of what was measured. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { frontier, type Measured } from '../../../cli/tune/frontier.js';
import { busyNote } from '../../../cli/tune/report.js';

const measured = (requestsPerSecond: number, p99Ms: number): Measured => ({
  candidate: { workers: 1, threads: 1, batchTokensMax: 256, windowMax: 256, precision: 'int8' },
  step: { offeredPerSecond: requestsPerSecond, requestsPerSecond, p50Ms: 1, p99Ms, failed: 0, overloaded: false },
});

describe('the frontier', () => {
  it('leaves out what another beats, and what failed', () => {
    const all = [
      measured(10, 5),
      measured(20, 5),
      measured(30, 9),
      measured(25, 12),
      measured(99, Number.POSITIVE_INFINITY),
    ];
    assert.deepEqual(
      frontier(all).map(({ step }) => [step.requestsPerSecond, step.p99Ms]),
      [
        [20, 5],
        [30, 9],
      ],
    );
  });

  it('holds exactly those that nothing beats', () => {
    const one = fc.record({ rate: fc.integer({ min: 1, max: 30 }), p99: fc.integer({ min: 1, max: 30 }) });
    fc.assert(
      fc.property(fc.array(one), (given) => {
        const all = given.map(({ rate, p99 }) => measured(rate, p99));
        const found = frontier(all).map(({ step }) => `${step.requestsPerSecond} ${step.p99Ms}`);
        const beaten = (rate: number, p99: number): boolean =>
          given.some((each) => each.rate >= rate && each.p99 <= p99 && (each.rate > rate || each.p99 < p99));
        const expected = given.filter(({ rate, p99 }) => !beaten(rate, p99)).map(({ rate, p99 }) => `${rate} ${p99}`);
        assert.deepEqual(new Set(found), new Set(expected));
        assert.equal(found.length, new Set(found).size);
      }),
    );
  });
});

describe('the report of plexus tune', () => {
  it('says where other work on the machine spoils the figures', () => {
    assert.equal(busyNote(0.9, 2), undefined);
    assert.match(busyNote(17.8, 2) ?? '', /busy \(load average 17\.8 on 2 cores\)/);
  });
});
