import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { createCounters } from '../../../gateway/upstream/counters.js';
import { fly } from '../../../gateway/upstream/deadline.js';
import type { Done, Flight, Reply, Send } from '../../../gateway/upstream/flight.js';
import { createVirtualClock } from '../../kit/clock.js';
import { testCall, testReply } from '../../kit/upstream.js';

const reply = (result: Reply): Reply => result;

describe('deadline budget', () => {
  it('keeps a reserve of the time left, or none where it is switched off', async () => {
    for (const [reserve, keptMs] of [
      [true, 50],
      [false, 0],
    ] as const) {
      const clock = createVirtualClock();
      let flight: Flight | undefined;
      const call = testCall(clock, { deadlineMs: clock.now() + 10_000 });
      await fly(
        call,
        (given, done) => {
          flight = given;
          done(undefined, testReply());
        },
        { clock, counters: createCounters(), reserve, ends: true },
        reply,
      );
      assert.equal(flight?.deadlineMs, call.deadlineMs - keptMs);
    }
  });

  it('ends a call that nobody answers at its deadline, and tells what runs for it', async () => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const told: string[] = [];
    const call = fly(
      testCall(clock, { deadlineMs: clock.now() + 1_000 }),
      (flight) => flight.attach({ cancel: (reason) => told.push(reason.code) }),
      { clock, counters, reserve: false, ends: true },
      reply,
    );
    const outcome = assert.rejects(call, { code: 'DEADLINE_EXCEEDED' });
    await clock.advance(999);
    assert.deepEqual(told, []);
    await clock.advance(1);
    await outcome;
    assert.deepEqual(told, ['DEADLINE_EXCEEDED']);
    assert.equal(counters.deadlineExceeded, 1);
    assert.equal(clock.pending, 0);
  });

  it('leaves the end to the instance where it is switched off', async () => {
    const clock = createVirtualClock();
    let answer!: Done<Reply>;
    const call = fly(
      testCall(clock, { deadlineMs: clock.now() + 1_000 }),
      (_flight, done) => {
        answer = done;
      },
      { clock, counters: createCounters(), reserve: false, ends: false },
      reply,
    );
    await clock.advance(2_000);
    answer(undefined, testReply());
    assert.equal((await call).instance, 'embed-1');
  });

  it('counts a stream once, by how it ended', async () => {
    const clock = createVirtualClock();
    const run = async (end: (stream: { late(error?: MeshError): void; left: AbortController }) => void) => {
      const counters = createCounters();
      const left = new AbortController();
      let late!: (error?: MeshError) => void;
      const ended = new Promise<MeshError | undefined>((resolve) => {
        late = resolve;
      });
      await fly(
        testCall(clock, { signal: left.signal, deadlineMs: clock.now() + 1_000 }),
        (flight, done) => {
          flight.attach({ cancel: late });
          done(undefined, { ...testReply(), ended });
        },
        { clock, counters, reserve: false, ends: true },
        reply,
      );
      end({ late, left });
      await clock.advance(1_000);
      const { answered, failed, deadlineExceeded, cancelled } = counters;
      return { answered, failed, deadlineExceeded, cancelled };
    };
    const none = { answered: 0, failed: 0, deadlineExceeded: 0, cancelled: 0 };
    assert.deepEqual(await run(({ late }) => late()), { ...none, answered: 1 });
    assert.deepEqual(await run(({ late }) => late(new MeshError('INTERNAL', 'broke'))), { ...none, failed: 1 });
    assert.deepEqual(await run(({ left }) => left.abort(new MeshError('CANCELLED', 'left'))), {
      ...none,
      cancelled: 1,
    });
    assert.deepEqual(await run(() => {}), { ...none, deadlineExceeded: 1 });
    assert.equal(clock.pending, 0);
  });

  it('ends at once when the caller leaves, and ignores the answer that comes after', async () => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const controller = new AbortController();
    let answer!: Done<Reply>;
    const call = fly(
      testCall(clock, { signal: controller.signal }),
      (_flight, done) => {
        answer = done;
      },
      { clock, counters, reserve: true, ends: true },
      reply,
    );
    controller.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(call, { code: 'CANCELLED' });
    answer(undefined, testReply());
    await clock.advance(0);
    assert.deepEqual([counters.answered, counters.cancelled], [0, 1]);
  });

  it('ends a call in which a layer made a mistake, and leaves nothing behind', async () => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const broken: Send<Reply> = () => {
      throw new TypeError('x is not a function');
    };
    await assert.rejects(fly(testCall(clock), broken, { clock, counters, reserve: true, ends: true }, reply), {
      code: 'INTERNAL',
    });
    const empty: Send<Reply> = (_flight, done) => done(undefined, undefined);
    await assert.rejects(fly(testCall(clock), empty, { clock, counters, reserve: true, ends: true }, reply), {
      code: 'INTERNAL',
    });
    assert.deepEqual([counters.failed, clock.pending], [2, 0]);
  });

  it('sends nothing for a deadline that has passed or a caller who has left', async () => {
    const clock = createVirtualClock();
    const options = { clock, counters: createCounters(), reserve: true, ends: true };
    const never: Send<Reply> = () => assert.fail('sent');
    await assert.rejects(fly(testCall(clock, { deadlineMs: clock.now() }), never, options, reply), {
      code: 'DEADLINE_EXCEEDED',
    });
    const left = AbortSignal.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(fly(testCall(clock, { signal: left }), never, options, reply), { code: 'CANCELLED' });
  });
});
