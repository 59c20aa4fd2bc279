/** The pool over real threads, on a clock that the test moves. */
import assert from 'node:assert/strict';
import { createPool, type Pool } from '../../inference/pool.js';
import type { BatchAnswer, BatchJob, ModelShape, WorkerStart } from '../../inference/protocol.js';
import { createVirtualClock, type VirtualClock } from '../kit/clock.js';
import { until } from '../kit/until.js';
import { DIE, HANG } from './kit/obedient-worker.js';

const script = new URL('./kit/obedient-worker.js', import.meta.url);

const job = (...ids: number[]): BatchJob => ({
  lengths: Uint32Array.of(ids.length),
  ids: Int32Array.from(ids),
  typeIds: new Uint8Array(0),
  reductions: [{ kind: 'pool', pooling: 'mean', normalize: false, dimensions: 1, skip: 0 }],
});

describe('the pool', () => {
  let clock: VirtualClock;
  let pool: Pool<BatchJob, BatchAnswer, ModelShape>;
  /** Changed while it runs: what replacements are started with. */
  let start: WorkerStart;

  beforeEach(() => {
    clock = createVirtualClock();
    start = {
      file: 'good',
      prepared: undefined,
      nice: 0,
      threads: 1,
      warm: [],
      want: 'vectors',
      width: 0,
    };
    const options = { name: 'm@1', script, start, size: 2, hangMs: 1_000, startMs: 60_000, clock, onUp: () => {} };
    pool = createPool(options);
  });
  afterEach(() => pool.close());

  it('starts all its workers and runs one job on each at a time', async () => {
    const shape = await pool.start();
    assert.equal(shape.output, 'hidden');
    assert.deepEqual([pool.idle, pool.up, pool.failing], [2, 2, false]);
    const runs = [pool.run(job(1, 2), []), pool.run(job(3), [])];
    assert.equal(pool.idle, 0);
    await assert.rejects(pool.run(job(4), []), /no worker is free/);
    const sums = (await Promise.all(runs)).map((verdict) => verdict.at === 'done' && verdict.body.output[0]);
    assert.deepEqual(sums, [3, 3]);
    assert.equal(pool.idle, 2);
  });

  it('says of a job that cannot be sent that it failed, and keeps the worker', async () => {
    await pool.start();
    const unsendable = { ...job(1), reductions: [() => {}] } as unknown as BatchJob;
    const verdict = await pool.run(unsendable, []);
    assert.equal(verdict.at, 'failed');
    assert.match((verdict as { reason: string }).reason, /could not be cloned/);
    assert.deepEqual([pool.idle, pool.replaced, clock.pending], [2, 0, 0]);
    assert.equal((await pool.run(job(1), [])).at, 'done');
  });

  it('gives up a worker that is at its job for too long, and replaces it', async () => {
    await pool.start();
    const hanging = pool.run(job(HANG), []);
    await clock.advance(999);
    assert.equal(pool.replaced, 0);
    await clock.advance(1);
    assert.deepEqual(await hanging, { at: 'lost', reason: 'was at one job for more than 1000 ms' });
    await clock.advance(0); // the first replacement comes at once
    await until('a replacement', () => pool.idle === 2);
    assert.equal(pool.replaced, 1);
  });

  it('rests longer and longer between replacements that go on dying, and says that it is failing', async () => {
    await pool.start();
    start.file = 'stillborn';
    const verdicts = await Promise.all([pool.run(job(DIE), []), pool.run(job(DIE), [])]);
    assert.deepEqual(
      verdicts.map(({ at }) => at),
      ['lost', 'lost'],
    );
    await until(
      'deaths',
      async () => {
        await clock.advance(50);
        return pool.replaced;
      },
      (replaced) => replaced >= 4,
    );
    assert.equal(pool.failing, true);
    start.file = 'good';
    await until(
      'recovery',
      async () => {
        await clock.advance(5_000);
        return pool.idle;
      },
      (idle) => idle === 2,
    );
    assert.equal(pool.failing, false);
  });

  it('gives no work to a replacement that refuses it', async () => {
    await pool.start();
    start.file = 'refused';
    await pool.run(job(DIE), []);
    await until(
      'refusals',
      async () => {
        await clock.advance(1_000);
        return pool.replaced;
      },
      (replaced) => replaced >= 3,
    );
    assert.equal(pool.idle, 1);
    assert.equal((await pool.run(job(7), [])).at, 'done');
  });

  it('loses the jobs under way when it closes, and starts nothing more', async () => {
    await pool.start();
    const running = pool.run(job(HANG), []);
    await pool.close();
    assert.deepEqual(await running, { at: 'lost', reason: 'was closed' });
    assert.equal(clock.pending, 0);
    assert.equal(pool.up, 0);
  });
});
