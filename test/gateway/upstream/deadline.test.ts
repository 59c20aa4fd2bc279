import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { createCounters } from '../../../gateway/upstream/counters.js';
import { fly } from '../../../gateway/upstream/deadline.js';
import type { Flight, Reply } from '../../../gateway/upstream/flight.js';
import { createVirtualClock } from '../../kit/clock.js';
import { testCall, testReply } from '../../kit/upstream.js';

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
        (given) => {
          flight = given;
          return Promise.resolve(testReply());
        },
        { clock, counters: createCounters(), reserve },
      );
      assert.equal(flight?.deadlineMs, call.deadlineMs - keptMs);
    }
  });

  it('ends a call that nobody answers at its deadline, and tells what runs for it', async () => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const told: string[] = [];
    const call = fly<Reply>(
      testCall(clock, { deadlineMs: clock.now() + 1_000 }),
      (flight) => {
        flight.onEnd((reason) => {
          told.push(reason.code);
        });
        return new Promise(() => {});
      },
      { clock, counters, reserve: false },
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

  it('ends at once when the caller leaves, and ignores the answer that comes after', async () => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const controller = new AbortController();
    let answer!: (reply: Reply) => void;
    const call = fly<Reply>(
      testCall(clock, { signal: controller.signal }),
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      { clock, counters, reserve: true },
    );
    controller.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(call, { code: 'CANCELLED' });
    answer(testReply());
    await clock.advance(0);
    assert.deepEqual([counters.answered, counters.cancelled], [0, 1]);
  });

  it('sends nothing for a deadline that has passed or a caller who has left', async () => {
    const clock = createVirtualClock();
    const options = { clock, counters: createCounters(), reserve: true };
    const never = (): Promise<Reply> => assert.fail('sent');
    await assert.rejects(fly(testCall(clock, { deadlineMs: clock.now() }), never, options), {
      code: 'DEADLINE_EXCEEDED',
    });
    const left = AbortSignal.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(fly(testCall(clock, { signal: left }), never, options), { code: 'CANCELLED' });
  });
});
