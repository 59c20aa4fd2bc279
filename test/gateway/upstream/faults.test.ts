/** Promises about faults, in virtual time: three instances, open-loop load at 60 % of capacity. PLEXUS_SEED tries another seed. */
import assert from 'node:assert/strict';
import { between, endedBetween, lost, outcomes, quantileMs, type Sample } from '../../kit/open-loop.js';
import { type SimulatedInstance, type Simulation, simulate } from '../../kit/simulation.js';

const SEEDS = process.env.PLEXUS_SEED ? [Number(process.env.PLEXUS_SEED)] : [1];
const WORK = { workMs: 80, places: 4, queueMax: 40 };
const CAPACITY = 50;
const RATE = 3 * CAPACITY * 0.6;

const ok = (samples: readonly Sample[]): number => samples.length - lost(samples).length;

describe('faults in virtual time', function () {
  this.timeout(60_000);

  it('an instance that was held up takes its full share at once: without it the other has more than it can do', async () => {
    const simulation = simulate({ count: 2, ...WORK, seed: 1 });
    await simulation.load(2 * CAPACITY * 0.8, 10);
    const first = simulation.instances[0] as SimulatedInstance;
    const samples = await simulation.load(2 * CAPACITY * 0.8, 12, {
      during: [
        [
          2_000,
          () => {
            first.stopped = true;
          },
        ],
        [2_700, () => simulation.resume(first)],
      ],
    });
    assert.deepEqual(lost(samples), []);
    assert.ok((simulation.upstream.counters().embed?.silences ?? 0) > 0, 'it was taken for silent');
    const after = quantileMs(between(samples, 4_500, Number.POSITIVE_INFINITY), 0.99);
    assert.ok(after <= 400, `p99 ${after} ms from two seconds after`);
    await simulation.close();
  });

  it('a pause loses nothing although more calls are in flight than the budget can send again', async () => {
    const simulation = simulate({
      count: 2,
      workMs: 4_000,
      places: 500,
      queueMax: 500,
      seed: 1,
      settings: { retryPercent: 0, retryPerSecond: 1, hedge: false, adaptiveLimit: false, inFlightMax: 1_000 },
    });
    const first = simulation.instances[0] as SimulatedInstance;
    const samples = await simulation.load(100, 10, {
      deadlineMs: 20_000,
      during: [
        [
          5_000,
          () => {
            first.stopped = true;
          },
        ],
        [8_000, () => simulation.resume(first)],
      ],
    });
    const counters = simulation.upstream.counters().embed;
    assert.deepEqual(lost(samples), []);
    assert.ok((counters?.retries ?? 0) >= 10, 'those that the budget allows move on');
    await simulation.close();
  });

  for (const seed of SEEDS) {
    const scenario = (
      what: string,
      count: number,
      run: (simulation: Simulation, first: SimulatedInstance) => Promise<void>,
    ): void => {
      it(`${what} (seed ${seed})`, async () => {
        const simulation = simulate({ count, ...WORK, seed });
        await simulation.load(count * CAPACITY * 0.6, 3); // warm
        await run(simulation, simulation.instances[0] as SimulatedInstance);
        assert.equal(simulation.late, 0, 'nothing is sent after its deadline');
        await simulation.close();
      });
    };
    const counters = (simulation: Simulation) => ({
      ...(simulation.upstream.counters().embed as NonNullable<ReturnType<Simulation['upstream']['counters']>['embed']>),
    });
    const state = (simulation: Simulation): string | undefined => simulation.upstream.instances('embed')[0]?.state;

    scenario('a killed instance loses nothing', 3, async (simulation, first) => {
      const samples = await simulation.load(RATE, 10, { during: [[3_000, () => simulation.kill(first)]] });
      assert.deepEqual(lost(samples), []);
    });

    scenario(
      'a stopped one loses nothing, costs at most 5 % extra, is out in 500 ms and back in 5 s',
      3,
      async (simulation, first) => {
        const before = counters(simulation);
        let outMs = Number.POSITIVE_INFINITY;
        let backMs = Number.POSITIVE_INFINITY;
        const watch = Array.from({ length: 500 }, (_, tick) => tick * 10);
        const samples = await simulation.load(RATE, 14, {
          during: [
            [
              3_000,
              () => {
                first.stopped = true;
              },
            ],
            ...watch.map(
              (ms) =>
                [
                  3_000 + ms,
                  () => {
                    if (state(simulation) !== 'serving') outMs = Math.min(outMs, ms);
                  },
                ] as const,
            ),
            [8_000, () => simulation.resume(first)],
            ...watch.map(
              (ms) =>
                [
                  8_000 + ms,
                  () => {
                    if (state(simulation) === 'serving') backMs = Math.min(backMs, ms);
                  },
                ] as const,
            ),
          ],
        });
        const after = counters(simulation);
        const extra = (after.retries + after.hedges - before.retries - before.hedges) / samples.length;
        assert.deepEqual(lost(samples), []);
        assert.ok(outMs <= 500 && backMs <= 5_000, `out ${outMs} ms, back ${backMs} ms`);
        assert.ok(extra <= 0.05, `${extra}`);
      },
    );

    it(`one 20 times slow does not show in p99 after 2 s, nor each time it is tried again (seeds ${seed} to ${seed + 4})`, async () => {
      const before: Sample[] = [];
      const after: Sample[] = [];
      // One run has too few calls: its p99 is the fifth worst, and of the two others alone it is anything from 110 to 160 ms.
      for (let each = seed; each < seed + 5; each++) {
        const simulation = simulate({ count: 3, ...WORK, seed: each });
        await simulation.load(RATE, 3);
        // 60 % of what remains without it: at more, the queues of the others show whoever balances.
        const samples = await simulation.load(2 * CAPACITY * 0.6, 60, {
          during: [
            [
              4_000,
              () => {
                (simulation.instances[0] as SimulatedInstance).workMs *= 20;
              },
            ],
          ],
        });
        assert.deepEqual(lost(samples), []);
        before.push(...between(samples, 0, 3_800));
        after.push(...between(samples, 6_000, Number.POSITIVE_INFINITY));
        await simulation.close();
      }
      const [base, p99] = [quantileMs(before, 0.99), quantileMs(after, 0.99)];
      assert.ok(p99 <= base * 1.5, `${base} -> ${p99}`);
    });

    scenario('one that fails fast gets under 2 % after 1 s, and nothing is lost', 3, async (simulation, first) => {
      let before = 0;
      const attempts = (): number => simulation.upstream.instances('embed')[0]?.attempts ?? 0;
      const samples = await simulation.load(RATE, 10, {
        during: [
          [
            3_000,
            () => {
              first.failing = true;
            },
          ],
          [
            4_000,
            () => {
              before = attempts();
            },
          ],
        ],
      });
      assert.deepEqual(lost(samples), []);
      assert.ok((attempts() - before) / between(samples, 4_000, 10_000).length < 0.02);
    });

    scenario(
      'all failing for 60 s get at most 1.2 attempts a call, and 99 % are good 2 s after healing',
      3,
      async (simulation) => {
        let before = counters(simulation);
        let after = before;
        const fail = (failing: boolean): void => {
          for (const each of simulation.instances) each.failing = failing;
        };
        const samples = await simulation.load(RATE, 72, {
          deadlineMs: 2_000,
          during: [
            [
              3_000,
              () => {
                before = counters(simulation);
                fail(true);
              },
            ],
            [
              63_000,
              () => {
                after = counters(simulation);
                fail(false);
              },
            ],
          ],
        });
        const healed = between(samples, 65_000, Number.POSITIVE_INFINITY);
        assert.ok((after.attempts - before.attempts) / (after.calls - before.calls) <= 1.2);
        assert.ok(ok(healed) / healed.length >= 0.99, outcomes(healed));
      },
    );

    for (const [deadlineMs, seconds] of [
      [1_000, 60],
      [3_000, 15],
    ] as const) {
      scenario(
        `ten times too much for ${seconds} s (deadlines of ${deadlineMs} ms): goodput stays, refusals come at once, all is well a second after`,
        2,
        async (simulation) => {
          const peak = ok(await simulation.load(2 * CAPACITY * 0.95, 5, { deadlineMs })) / 5;
          const samples = await simulation.load(2 * CAPACITY * 10, seconds, { deadlineMs });
          for (let second = 1; second < seconds; second++) {
            const goodput = ok(endedBetween(samples, second * 1_000, (second + 1) * 1_000));
            assert.ok(goodput >= peak * 0.9, `second ${second}: ${goodput} of ${peak}`);
          }
          // The first second is the change itself: a burst is let wait.
          const refusals = lost(between(samples, 1_000, seconds * 1_000))
            .map(({ ms }) => ms)
            .sort((a, b) => a - b);
          assert.ok((refusals[Math.floor(refusals.length * 0.99)] ?? 0) <= 10);
          const later = between(await simulation.load(2 * CAPACITY * 0.6, 5, { deadlineMs }), 1_000, 5_000);
          assert.deepEqual(lost(later), []);
        },
      );
    }
  }
});
