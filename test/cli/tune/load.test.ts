/** Open loop and sustained rate against a server of known speed, in virtual time. */
import assert from 'node:assert/strict';
import { closedLoop, openLoop, sustainedRate } from '../../../cli/tune/load.js';
import { arrivals, syntheticTraffic } from '../../../cli/tune/traffic.js';
import { createSimulatedClock, type SimulatedClock } from '../../kit/simulation.js';

/** One place, `serviceMs` each, first come, first served. */
function server(clock: SimulatedClock, serviceMs: number) {
  let freeMs = 0;
  return (_: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      freeMs = Math.max(freeMs, clock.monotonic()) + serviceMs;
      const cancel = clock.after(freeMs - clock.monotonic(), resolve);
      signal.addEventListener('abort', () => {
        cancel();
        reject(new Error('aborted'));
      });
    });
}

const evenly = (count: number, gapMs: number): number[] => Array.from({ length: count }, (_, index) => index * gapMs);

describe('the load of plexus tune', () => {
  it('counts a request from when it was due, not from when it was sent', async () => {
    const clock = createSimulatedClock();
    let first = true;
    const done = openLoop({
      dueMs: evenly(10, 10),
      backlogMax: 100,
      clock,
      async send() {
        if (!first) return;
        first = false;
        await new Promise<void>((resolve) => clock.after(3, resolve));
      },
    });
    await clock.run(1_000);
    const step = await done;
    assert.equal(step.p99Ms, 3);
    assert.equal(step.p50Ms, 0);
    assert.equal(step.offeredPerSecond, 100);
    assert.equal(step.failed, 0);
  });

  it('shows a server that falls behind', async () => {
    const clock = createSimulatedClock();
    const done = openLoop({ dueMs: evenly(100, 5), backlogMax: 1_000, clock, send: server(clock, 10) });
    await clock.run(10_000);
    const step = await done;
    assert.equal(step.overloaded, false);
    assert.ok(step.p99Ms > 450, `${step.p99Ms} ms`);
    assert.ok(Math.abs(step.requestsPerSecond - 100) < 1, `${step.requestsPerSecond}/s`);
  });

  it('breaks off a load whose backlog passes the limit, and leaves nothing under way', async () => {
    const clock = createSimulatedClock();
    let sent = 0;
    const send = server(clock, 10);
    const done = openLoop({
      dueMs: evenly(10_000, 1),
      backlogMax: 50,
      clock,
      send: (index, signal) => {
        sent++;
        return send(index, signal);
      },
    });
    await clock.run(2_000);
    const step = await done;
    assert.equal(step.overloaded, true);
    assert.equal(step.p99Ms, Number.POSITIVE_INFINITY);
    assert.ok(sent < 70, `${sent} sent`);
  });

  it('counts requests that fail, and trusts no p99 beside them', async () => {
    const clock = createSimulatedClock();
    const done = openLoop({
      dueMs: evenly(10, 10),
      backlogMax: 10,
      clock,
      send: async (index) => {
        if (index === 4) throw new Error('no');
      },
    });
    await clock.run(1_000);
    const { failed, p99Ms } = await done;
    assert.deepEqual([failed, p99Ms], [1, Number.POSITIVE_INFINITY]);
  });

  it('measures what callers get who wait for their answers', async () => {
    const clock = createSimulatedClock();
    const done = closedLoop({ callers: 4, seconds: 2, send: server(clock, 10), clock });
    await clock.run(5_000);
    assert.ok(Math.abs((await done) - 100) < 3, `${await done}/s`);
  });

  it('finds the rate a server bears within a target: about what queueing theory says of one with even service', async () => {
    const clock = createSimulatedClock();
    const traffic = syntheticTraffic({ textsPerRequest: 1, lengthMedian: 8, lengthP95: 16, seed: 1 });
    // M/D/1 with 5 ms of service: p99 of the time in the system reaches 50 ms near a load of 0.9 (its wait falls about
    // as exp(-2(1 - load) x wait / (load x service)): ln 100 = 2 x 0.1 x 45 / (0.9 x 5) x 2.3).
    const done = sustainedRate({
      capacityPerSecond: 200,
      p99TargetMs: 50,
      probes: 5,
      step: (perSecond, probe) =>
        openLoop({
          dueMs: arrivals(traffic, perSecond, 20, probe),
          backlogMax: 10_000,
          clock,
          send: server(clock, 5),
        }),
    });
    await clock.run(1_000_000);
    const { requestsPerSecond, steps } = await done;
    assert.ok(requestsPerSecond > 140 && requestsPerSecond < 185, `${requestsPerSecond}/s`);
    assert.equal(steps.length, 5);
  });

  it('says 0, and the lowest p99 it saw, where no rate keeps the target', async () => {
    const clock = createSimulatedClock();
    const done = sustainedRate({
      capacityPerSecond: 100,
      p99TargetMs: 5,
      probes: 3,
      step: (perSecond) =>
        openLoop({ dueMs: evenly(10, 1_000 / perSecond), backlogMax: 100, clock, send: server(clock, 10) }),
    });
    await clock.run(100_000);
    const { requestsPerSecond, p99Ms } = await done;
    assert.deepEqual([requestsPerSecond, Math.round(p99Ms)], [0, 10]);
  });
});
