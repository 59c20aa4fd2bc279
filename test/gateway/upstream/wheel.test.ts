import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createWheel } from '../../../gateway/upstream/wheel.js';
import { createVirtualClock } from '../../kit/clock.js';
import { createSimulatedClock } from '../../kit/simulation.js';

const SEED = Number(process.env.PLEXUS_SEED ?? 20_261_122);

describe('timer wheel', () => {
  it('fires every timer once, at most 1 ms late and never early, unless it was cancelled', async () => {
    const timer = fc.record({
      setMs: fc.double({ min: 0, max: 3_000, noNaN: true }),
      delayMs: fc.oneof(
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.double({ min: 200, max: 300, noNaN: true }), // around the border between the lists
        fc.double({ min: 0, max: 70_000, noNaN: true }),
        fc.constantFrom(0, 255, 256, 257, 65_279, 65_280, 65_281, 65_536),
      ),
      cancelMs: fc.option(fc.double({ min: 0, max: 70_000, noNaN: true }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(timer, { maxLength: 40 }), async (timers) => {
        const clock = createSimulatedClock();
        const wheel = createWheel(clock);
        const fired = timers.map((): number[] => []);
        timers.forEach(({ setMs, delayMs, cancelMs }, index) => {
          clock.after(setMs, () => {
            const cancel = wheel.after(delayMs, () => fired[index]?.push(clock.monotonic()));
            if (cancelMs !== undefined) clock.after(cancelMs, cancel);
          });
        });
        await clock.run(200_000);
        timers.forEach(({ setMs, delayMs, cancelMs }, index) => {
          const dueMs = setMs + delayMs;
          const times = fired[index] as number[];
          if (cancelMs !== undefined && cancelMs < delayMs) assert.deepEqual(times, []);
          else if (cancelMs === undefined || cancelMs > delayMs + 1.001) {
            assert.equal(times.length, 1);
            assert.ok(
              (times[0] as number) >= dueMs - 1e-6 && (times[0] as number) <= dueMs + 1.001,
              `${times} for ${dueMs}`,
            );
          }
        });
        assert.equal(wheel.pending, 0);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it('keeps one timer of the clock however many it has, and none once closed', async () => {
    const clock = createVirtualClock();
    const wheel = createWheel(clock);
    let fired = 0;
    for (let each = 0; each < 1_000; each++) wheel.after(10 + each, () => fired++);
    assert.deepEqual([wheel.pending, clock.pending], [1_000, 1]);
    await clock.advance(100);
    assert.deepEqual([fired, clock.pending], [91, 1]);
    wheel.after(3_600_000, () => fired++);
    wheel.close();
    assert.deepEqual([wheel.pending, clock.pending], [0, 0]);
    await clock.advance(3_600_000);
    assert.equal(fired, 91);
  });

  it('works on after a pause longer than all of its lists, and lets a timer set another', async () => {
    const clock = createVirtualClock();
    const wheel = createWheel(clock);
    await clock.advance(50 * 86_400_000); // beyond 32 bits of milliseconds
    const fired: number[] = [];
    const startMs = clock.monotonic();
    wheel.after(5, () => wheel.after(300, () => fired.push(clock.monotonic() - startMs)));
    await clock.advance(1_000);
    assert.deepEqual(fired, [305]);
  });
});
