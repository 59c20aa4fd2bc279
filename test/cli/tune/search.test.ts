/** The search over evaluators whose optimum is known, in virtual time. */
import assert from 'node:assert/strict';
import { type Candidate, coordinates, labelOf, layouts } from '../../../cli/tune/candidate.js';
import { seededRandom } from '../../../cli/tune/random.js';
import { type Race, roundSeconds, search } from '../../../cli/tune/search.js';
import { createVirtualClock } from '../../kit/clock.js';

const START: Candidate = { workers: 8, threads: 1, batchTokensMax: 256, windowMax: 256, precision: 'fp32' };
const AXES = coordinates(8, ['fp32', 'int8']);

/** Falls with the distance from the optimum along each axis; `noise` as a share. */
function model(best: Candidate, noise: number, seed: number): (candidate: Candidate) => number {
  const random = seededRandom(seed);
  const far = (a: number, b: number): number => Math.abs(Math.log2(a / b));
  return ({ workers, threads, batchTokensMax, windowMax, precision }) => {
    const distance =
      0.2 * far(workers, best.workers) +
      0.1 * far(threads, best.threads) +
      0.1 * far(batchTokensMax, best.batchTokensMax) +
      0.05 * far(windowMax, best.windowMax) +
      (precision === best.precision ? 0 : 0.7);
    return 1_000 * Math.exp(-distance) * (1 + noise * (2 * random() - 1));
  };
}

/** Runs it with evaluations that take `seconds` and half a second to start. */
async function run(score: (candidate: Candidate) => number, minutes: number) {
  const clock = createVirtualClock();
  const races: Race[] = [];
  const untilMs = minutes * 60_000;
  const found = await search({
    start: START,
    axes: AXES,
    async evaluate(candidate, seconds) {
      await clock.advance(seconds * 1_000 + 500);
      return score(candidate);
    },
    seconds: roundSeconds(START, AXES, untilMs, 500),
    clock,
    untilMs,
    onRace: (race) => races.push(race),
  });
  return { ...found, races, tookMs: clock.monotonic() };
}

describe('the search of plexus tune', () => {
  for (const best of [
    { workers: 4, threads: 2, batchTokensMax: 512, windowMax: 32, precision: 'int8' },
    { workers: 7, threads: 1, batchTokensMax: 64, windowMax: 1_024, precision: 'fp32' },
    START,
  ] as const) {
    it(`finds ${labelOf(best)} within its time`, async () => {
      const found = await run(model(best, 0, 1), 5);
      assert.equal(labelOf(found.best), labelOf(best));
      assert.ok(found.tookMs <= 300_000, `${found.tookMs} ms`);
      assert.deepEqual(found.unfinished, []);
      // A full grid would be 2 x 5 x 6 x 4 = 240 of the shortest evaluations.
      assert.ok(found.evaluations < 120, `${found.evaluations} evaluations`);
    });
  }

  it('ends near the optimum under noise of 3 %, and never below the start', async () => {
    const best: Candidate = { workers: 4, threads: 2, batchTokensMax: 512, windowMax: 32, precision: 'int8' };
    const exact = model(best, 0, 1);
    for (let seed = 1; seed <= 20; seed++) {
      const found = await run(model(best, 0.03, seed), 5);
      assert.ok(exact(found.best) > 880, `seed ${seed}: ${labelOf(found.best)} gives ${exact(found.best)} of 1000`);
    }
  });

  it('stays with what is there where nothing beats it by more than noise', async () => {
    const flat = await run(({ windowMax }) => (windowMax === 32 ? 101 : 100), 5);
    assert.equal(labelOf(flat.best), labelOf(START));
  });

  it('stops in time, keeps what earlier races decided, and says what it did not look at', async () => {
    const best: Candidate = { ...START, precision: 'int8', windowMax: 32 };
    const found = await run(model(best, 0, 1), 0.2);
    assert.ok(found.tookMs <= 12_000, `${found.tookMs} ms`);
    assert.equal(labelOf(found.best), labelOf({ ...START, precision: 'int8' }));
    assert.deepEqual(found.unfinished, ['workers x threads', 'batch tokens', 'window']);
    assert.equal(found.races.at(-1)?.cut, true);
  });

  it('measures those that are left for twice as long each round', async () => {
    const asked: number[] = [];
    await search({
      start: 1,
      axes: [{ name: 'n', show: String, others: (n) => [1, 2, 3, 4].filter((each) => each !== n) }],
      async evaluate(n, seconds) {
        asked.push(seconds);
        return n;
      },
      seconds: 1,
      clock: createVirtualClock(),
      untilMs: 1e9,
    });
    assert.deepEqual(asked, [1, 1, 1, 1, 2, 2]);
  });

  it('tries layouts that use the cores, and one that leaves a core free', () => {
    assert.deepEqual(layouts(1), ['1x1']);
    assert.deepEqual(layouts(2), ['2x1', '1x2', '1x1']);
    assert.deepEqual(layouts(6), ['6x1', '3x2', '1x4', '5x1']);
    for (const cores of [1, 2, 3, 8, 48, 128]) {
      for (const layout of layouts(cores)) {
        const [workers, threads] = layout.split('x').map(Number) as [number, number];
        assert.ok(workers >= 1 && workers * threads <= cores, `${layout} on ${cores}`);
      }
    }
  });
});
