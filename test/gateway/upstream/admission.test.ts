import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { createBulkhead } from '../../../gateway/upstream/bulkhead.js';
import type { UpstreamCall } from '../../../gateway/upstream/call.js';
import { createCounters } from '../../../gateway/upstream/counters.js';
import type { OpenStream } from '../../../gateway/upstream/dispatch.js';
import type { Reply } from '../../../gateway/upstream/flight.js';
import { createLimit } from '../../../gateway/upstream/limit.js';
import { createThrottle } from '../../../gateway/upstream/throttle.js';
import { createVirtualClock, type VirtualClock } from '../../kit/clock.js';
import { type Deferred, defer } from '../../kit/defer.js';
import { promised, seeded, testFlight, testReply } from '../../kit/upstream.js';

const full = new MeshError('QUEUE_FULL', 'full');
const classed = (criticality: string) => ({ metadata: { 'x-plexus-criticality': criticality } });

describe('throttle', () => {
  const setUp = (clock: VirtualClock) => {
    const throttle = createThrottle({ percent: 200, clock, random: seeded(1) });
    const counters = createCounters();
    let refuse = true;
    const next = (): Promise<Reply> => (refuse ? Promise.reject(full) : Promise.resolve(testReply()));
    const send = promised(throttle.layer<Reply>(counters), next, clock);
    const call = (changes = {}) =>
      send(testFlight(clock, changes)).then(
        () => 'OK',
        (error: MeshError) => error.facts.layer ?? error.code,
      );
    return {
      throttle,
      counters,
      call,
      answer: () => {
        refuse = false;
      },
    };
  };

  it('refuses nothing while instances accept', async () => {
    const clock = createVirtualClock();
    const { call, answer, counters } = setUp(clock);
    answer();
    for (let each = 0; each < 200; each++) await call();
    assert.equal(counters.throttled, 0);
  });

  it('refuses more and more while instances refuse, and stops within a second of the end of it', async () => {
    const clock = createVirtualClock();
    const { call, answer, throttle, counters } = setUp(clock);
    for (let each = 0; each < 300; each++) {
      await call();
      await clock.advance(5);
    }
    assert.equal(throttle.refusal, 0.8);
    assert.ok(counters.throttled > 150);
    answer();
    for (let each = 0; each < 200; each++) {
      await call();
      await clock.advance(5);
    }
    assert.equal(throttle.refusal, 0);
  });

  it('gives up sheddable calls first and critical ones last', async () => {
    const refusals: number[] = [];
    for (const class_ of ['sheddable', 'default', 'critical']) {
      const clock = createVirtualClock();
      let turn = 0;
      const throttle = createThrottle({ percent: 200, clock, random: seeded(2) });
      const counters = createCounters();
      // Two of three are refused.
      const next = (): Promise<Reply> => (turn++ % 3 ? Promise.reject(full) : Promise.resolve(testReply()));
      const send = promised(throttle.layer<Reply>(counters), next, clock);
      for (let each = 0; each < 300; each++) {
        await send(testFlight(clock, classed(class_))).catch(() => {});
        await clock.advance(2);
      }
      refusals.push(counters.throttled);
    }
    const [sheddable = 0, normal = 0, critical = 0] = refusals;
    assert.ok(sheddable > normal && normal > critical, `${refusals}`);
  });

  it('counts what another gateway refuses as refused, whatever layer of its own that was', async () => {
    const clock = createVirtualClock();
    const throttle = createThrottle({ percent: 200, clock, random: () => 1 });
    const overloaded = new MeshError('OVERLOADED', 'busy', { facts: { layer: 'bulkhead' } });
    const send = promised(throttle.layer<Reply>(createCounters()), () => Promise.reject(overloaded), clock);
    for (let each = 0; each < 50; each++) await send(testFlight(clock)).catch(() => {});
    assert.equal(throttle.refusal, 0.8);
  });

  it('does not count errors that are no refusals', async () => {
    const clock = createVirtualClock();
    const throttle = createThrottle({ percent: 200, clock, random: () => 0 });
    const next = (): Promise<Reply> => Promise.reject(new MeshError('UPSTREAM_UNREACHABLE', 'gone'));
    const send = promised(throttle.layer<Reply>(createCounters()), next, clock);
    for (let each = 0; each < 50; each++) await send(testFlight(clock)).catch(() => {});
    assert.equal(throttle.refusal, 0);
  });
});

describe('bulkhead', () => {
  const setUp = (changes: Partial<Parameters<typeof createBulkhead>[0]> = {}) => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const bulkhead = createBulkhead({
      capability: 'embed',
      inFlightMax: 2,
      queueMax: 2,
      queueWaitMsMax: 1_000,
      adaptive: false,
      instances: () => 1,
      clock,
      counters,
      ...changes,
    });
    const sent: Deferred<Reply>[] = [];
    const next = (): Promise<Reply> => {
      const one = defer<Reply>();
      sent.push(one);
      return one.promise;
    };
    const send = promised(bulkhead.layer<Reply>(), next, clock);
    const call = (given = {}) =>
      send(testFlight(clock, given)).then(
        () => 'OK',
        (error: MeshError) => error.code,
      );
    return { clock, counters, bulkhead, sent, call, send };
  };

  it('bounds the calls in flight and lets the next in when one ends', async () => {
    const { clock, bulkhead, sent, call } = setUp();
    const calls = [call(), call(), call()];
    await clock.advance(0);
    assert.deepEqual([sent.length, bulkhead.inFlight, bulkhead.queued], [2, 2, 1]);
    sent[0]?.resolve(testReply());
    await clock.advance(0);
    assert.deepEqual([sent.length, bulkhead.inFlight, bulkhead.queued], [3, 2, 0]);
    for (const each of sent) each.resolve(testReply());
    assert.deepEqual(await Promise.all(calls), ['OK', 'OK', 'OK']);
    assert.equal(bulkhead.inFlight, 0);
  });

  it('refuses the call beyond the queue at once, with a delay', async () => {
    const { clock, counters, call, send } = setUp();
    for (let each = 0; each < 4; each++) void call();
    await assert.rejects(
      send(testFlight(clock)),
      (error) => error instanceof MeshError && error.code === 'OVERLOADED' && error.retryAfterMs !== undefined,
    );
    assert.equal(counters.bulkheadRefused, 1);
  });

  it('lets nobody wait longer than the limit, and frees the place of who left', async () => {
    const { clock, bulkhead, call, send } = setUp();
    for (let each = 0; each < 2; each++) void call();
    const waiting = call();
    const leaving = testFlight(clock);
    const left = assert.rejects(send(leaving), { code: 'CANCELLED' });
    leaving.end(new MeshError('CANCELLED', 'left'));
    await left;
    assert.equal(bulkhead.queued, 1);
    await clock.advance(1_000);
    assert.equal(await waiting, 'OVERLOADED');
    assert.equal(bulkhead.queued, 0);
    assert.equal(clock.pending, 0);
  });

  it('refuses at once who could not be in time, by the times of those before', async () => {
    const { clock, sent, call } = setUp();
    const first = [call(), call()];
    await clock.advance(500);
    for (const each of sent) each.resolve(testReply());
    await Promise.all(first);
    void call();
    void call();
    assert.equal(await call({ deadlineMs: clock.now() + 600 }), 'OVERLOADED');
  });

  it('lets nobody wait who would wait in vain, by how long places are held and how much that varies', async () => {
    const { clock, sent, call, bulkhead, counters } = setUp({ inFlightMax: 1, queueMax: 100, queueWaitMsMax: 2_000 });
    const outcomes: string[] = [];
    const burst = async (calls: number): Promise<void> => {
      for (let each = 0; each < calls; each++) void call().then((outcome) => outcomes.push(outcome));
      await clock.advance(0);
    };
    const serve = async (ms: number): Promise<void> => {
      await clock.advance(ms);
      sent.at(-1)?.resolve(testReply());
      await clock.advance(0);
    };
    await burst(1);
    await serve(50); // it knows now that a call takes 50 ms
    await burst(100);
    assert.deepEqual(
      [bulkhead.queued, counters.bulkheadRefused],
      [24, 75],
      'as many as 60 % of the longest wait holds',
    );
    for (let turn = 0; turn < 25; turn++) await serve(turn % 2 ? 30 : 70);
    assert.deepEqual([bulkhead.queued, counters.bulkheadRefused], [0, 75], 'who was let wait had a place');
    assert.equal(outcomes.filter((outcome) => outcome === 'OK').length, 26);
  });

  it('does not take a moment in which it was held up for a slower queue', async () => {
    const { clock, sent, call, bulkhead, counters } = setUp({ inFlightMax: 2, queueMax: 100 });
    let waiting = 0;
    const serve = async (ms: number): Promise<void> => {
      while (bulkhead.queued < 20) {
        waiting++;
        void call();
        await clock.advance(0);
      }
      await clock.advance(ms);
      sent.shift()?.resolve(testReply());
      await clock.advance(0);
    };
    for (let each = 0; each < 400; each++) await serve(2);
    await serve(400);
    for (let each = 0; each < 20; each++) await serve(2);
    assert.equal(counters.bulkheadRefused, 0, `of ${waiting}`);
  });

  it('learns from a stream when its first message came, and nothing from one whose requests are yet to come', async () => {
    const { clock, bulkhead } = setUp({ inFlightMax: 1, queueMax: 10 });
    const send = (changes: Partial<UpstreamCall>, firstMs: number, endMs: number): Promise<string> =>
      new Promise((resolve) => {
        const flight = testFlight(clock, { deadlineMs: clock.now() + 1_000_000, ...changes });
        flight.nowMs = clock.monotonic();
        bulkhead.layer<OpenStream>()((given, done) => {
          const ended = new Promise<undefined>((over) => void clock.after(endMs, () => over(undefined)));
          clock.after(firstMs, () => {
            given.nowMs = clock.monotonic();
            done(undefined, { instance: 'embed-1', ended } as OpenStream);
          });
        })(flight, (error) => resolve(error ? error.code : 'OK'));
      });
    for (const [changes, firstMs] of [
      [{}, 20],
      [{ untimed: true }, 0],
    ] as const) {
      const long = send(changes, firstMs, 600_000);
      await clock.advance(600_100);
      assert.equal(await long, 'OK');
      assert.equal(bulkhead.inFlight, 0);
    }
    void send({}, 20, 20);
    const hurried = send({ deadlineMs: clock.now() + 20 }, 20, 20);
    assert.equal(bulkhead.queued, 0, 'who has no more than the 20 ms of a first message is not let wait');
    assert.equal(await hurried, 'OVERLOADED');
    await clock.advance(100);
    const calls = Promise.all([send({}, 20, 20), send({ deadlineMs: clock.now() + 1_000 }, 20, 20)]);
    await clock.advance(1_000);
    assert.deepEqual(await calls, ['OK', 'OK'], 'who must wait for 20 ms is let wait');
  });

  it('puts critical calls in front and lets sheddable ones not wait at all', async () => {
    const { clock, sent, call } = setUp({ inFlightMax: 1, queueMax: 5 });
    const order: string[] = [];
    void call();
    assert.equal(await call(classed('sheddable')), 'OVERLOADED');
    const normal = call().then(() => order.push('default'));
    const critical = call(classed('critical')).then(() => order.push('critical'));
    for (let each = 0; each < 3; each++) {
      await clock.advance(0);
      sent[each]?.resolve(testReply());
    }
    await Promise.all([normal, critical]);
    assert.deepEqual(order, ['critical', 'default']);
  });
});

describe('adaptive limit', () => {
  it('goes down to 1 while instances refuse, and up again while calls are quick', async () => {
    const clock = createVirtualClock();
    const limit = createLimit({ max: 64, adaptive: true, instances: () => 1, clock });
    for (let each = 0; each < 100; each++) {
      const startedMs = clock.monotonic();
      await clock.advance(10);
      limit.observe(full, limit.value, startedMs, clock.monotonic());
    }
    assert.equal(limit.value, 1);
    for (let each = 0; each < 3_000; each++) {
      const startedMs = clock.monotonic();
      if (each % 3 === 0) await clock.advance(10);
      limit.observe(undefined, limit.value, startedMs, clock.monotonic());
    }
    assert.equal(limit.value, 64);
  });

  it('falls while it is used up and calls wait, to four for each instance at least', () => {
    const clock = createVirtualClock();
    let nowMs = 0;
    let lowered = 0;
    const limit = createLimit({
      max: 64,
      adaptive: true,
      instances: () => 2,
      clock: { ...clock, monotonic: () => nowMs },
      onLower: () => lowered++,
    });
    const calls = (count: number, tookMs: number): void => {
      for (let each = 0; each < count; each++) {
        nowMs += 20;
        limit.observe(undefined, limit.value, nowMs - tookMs, nowMs);
      }
    };
    assert.equal(limit.value, 32);
    calls(40, 10);
    assert.equal(limit.value, 64, 'doubled while calls are quick');
    calls(1_000, 500);
    assert.equal(limit.value, 8);
    assert.ok(lowered > 0);
  });

  it('takes a change of work for usual within minutes, however slow the new one is', () => {
    const clock = createVirtualClock();
    let nowMs = 0;
    const limit = createLimit({
      max: 64,
      adaptive: true,
      instances: () => 2,
      clock: { ...clock, monotonic: () => nowMs },
    });
    /** As many at a time as the limit lets in. */
    const work = (untilMs: number, tookMs: number): void => {
      while (nowMs < untilMs) {
        nowMs += tookMs;
        const together = limit.value;
        for (let each = 0; each < together; each++) limit.observe(undefined, together, nowMs - tookMs, nowMs);
      }
    };
    work(30_000, 10);
    assert.equal(limit.value, 64);
    work(60_000, 2_000);
    assert.equal(limit.value, 8);
    work(10 * 60_000, 2_000);
    assert.equal(limit.value, 64);
  });

  it('does not move for a single refusal, a short deadline, or where it is switched off', () => {
    const clock = createVirtualClock();
    const limit = createLimit({ max: 64, adaptive: true, instances: () => 1, clock });
    limit.observe(full, 64, 0, 0);
    for (let each = 0; each < 100; each++) limit.observe(new MeshError('DEADLINE_EXCEEDED', 'short'), 64, 0, 0);
    assert.equal(limit.value, 32);
    const off = createLimit({ max: 64, adaptive: false, instances: () => 1, clock });
    for (let each = 0; each < 100; each++) off.observe(full, 64, 0, 0);
    assert.equal(off.value, 64);
  });
});
