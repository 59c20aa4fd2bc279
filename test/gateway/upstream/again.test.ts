import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import type { Balance } from '../../../gateway/upstream/balance.js';
import { type Budget, createBudget } from '../../../gateway/upstream/budget.js';
import { createTrail, type UpstreamCall } from '../../../gateway/upstream/call.js';
import { createCounters } from '../../../gateway/upstream/counters.js';
import type { Begun } from '../../../gateway/upstream/endpoint.js';
import type { Attempt, Flight, Reply } from '../../../gateway/upstream/flight.js';
import { hedge } from '../../../gateway/upstream/hedge.js';
import { Latency } from '../../../gateway/upstream/latency.js';
import { Refusal } from '../../../gateway/upstream/refusal.js';
import { createRetry } from '../../../gateway/upstream/retry.js';
import { createVirtualClock } from '../../kit/clock.js';
import { type Deferred, defer } from '../../kit/defer.js';
import { promised, testEndpoint, testFlight, testReply } from '../../kit/upstream.js';

const gone = new MeshError('UPSTREAM_UNREACHABLE', 'gone');
const generous = (clock: ReturnType<typeof createVirtualClock>): Budget =>
  createBudget({ percent: 100, perSecond: 100, clock });
const anywhere = (restMs = 0): Balance => ({
  pick: () => assert.fail('not asked'),
  hasOther: () => true,
  canAnswer: () => true,
  restMs: () => restMs,
});

describe('budget', () => {
  it('allows a share of the calls of the last 10 s plus a few a second', async () => {
    const clock = createVirtualClock();
    const budget = createBudget({ percent: 20, perSecond: 1, clock });
    for (let call = 0; call < 100; call++) budget.deposit(clock.monotonic());
    let taken = 0;
    while (budget.take(0)) taken++;
    assert.equal(taken, 100 * 0.2 + 10);
    await clock.advance(10_500);
    assert.equal(budget.left, 10);
  });

  it('takes from its parent too', () => {
    const clock = createVirtualClock();
    const parent = createBudget({ percent: 0, perSecond: 0.2, clock });
    const child = createBudget({ percent: 0, perSecond: 10, clock, parent });
    assert.deepEqual([child.take(0), child.take(0), child.take(0)], [true, true, false]);
    assert.equal(child.left, 98);
  });
});

describe('retry', () => {
  const setUp = (given: { budget?: Budget; restMs?: number; attemptsMax?: number } = {}) => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const errors: MeshError[] = [];
    const sentMs: number[] = [];
    const retry = createRetry({
      attemptsMax: given.attemptsMax ?? 3,
      budget: given.budget ?? generous(clock),
      balance: anywhere(given.restMs),
      clock,
      random: () => 0.5,
      counters,
    });
    const next = (): Promise<Reply> => {
      sentMs.push(clock.monotonic());
      const error = errors.shift();
      return error ? Promise.reject(error) : Promise.resolve(testReply());
    };
    const send = promised(retry.layer<Reply>(), next, clock);
    const run = async (flight: Flight): Promise<string> => {
      const outcome = send(flight).then(
        () => 'OK',
        (error: MeshError) => error.code,
      );
      await clock.advance(20_000);
      return outcome;
    };
    return { clock, counters, errors, sentMs, run, retry };
  };

  it('sends again after a jittered, growing pause', async () => {
    const { clock, errors, sentMs, run, counters } = setUp();
    errors.push(gone, gone);
    assert.equal(await run(testFlight(clock)), 'OK');
    assert.deepEqual(sentMs, [0, 12.5, 37.5]);
    assert.equal(counters.retries, 2);
  });

  it('gives up after the last attempt with the last error', async () => {
    const { clock, errors, sentMs, run } = setUp();
    errors.push(gone, gone, gone, gone);
    assert.equal(await run(testFlight(clock)), 'UPSTREAM_UNREACHABLE');
    assert.equal(sentMs.length, 3);
  });

  const once: readonly [string, MeshError, object][] = [
    ['a call that is not idempotent', gone, { idempotent: false }],
    ['an error about the request', new MeshError('FIELD_INVALID', 'wrong'), {}],
    ['an error inside the instance', new MeshError('INTERNAL', 'broken'), {}],
    ['a deadline that passed', new MeshError('DEADLINE_EXCEEDED', 'late'), {}],
    ['a refusal of the stack itself', new Refusal('breaker', 'CIRCUIT_OPEN', 'open', { retryAfterMs: 500 }), {}],
  ];
  for (const [what, error, changes] of once) {
    it(`does not repeat ${what}`, async () => {
      const { clock, errors, sentMs, run } = setUp();
      errors.push(error);
      assert.equal(await run(testFlight(clock, changes)), error.code);
      assert.equal(sentMs.length, 1);
    });
  }

  it('does not start what could not end before the deadline', async () => {
    const { clock, errors, sentMs, run } = setUp({ restMs: 500 });
    errors.push(gone);
    assert.equal(await run(testFlight(clock, { deadlineMs: clock.now() + 400 })), 'UPSTREAM_UNREACHABLE');
    assert.equal(sentMs.length, 1);
  });

  it('leaves an instance alone until when it said', async () => {
    const { clock, errors, sentMs, run } = setUp({ restMs: 500 });
    errors.push(new MeshError('QUEUE_FULL', 'full', { retryAfterMs: 500 }));
    assert.equal(await run(testFlight(clock)), 'OK');
    assert.deepEqual(sentMs, [0, 500]);
  });

  it('stops when its budget is spent', async () => {
    const clock = createVirtualClock();
    const { errors, sentMs, run, counters } = setUp({ budget: createBudget({ percent: 0, perSecond: 0, clock }) });
    errors.push(gone);
    assert.equal(await run(testFlight(clock)), 'UPSTREAM_UNREACHABLE');
    assert.deepEqual([sentMs.length, counters.retriesOverBudget], [1, 1]);
  });

  it('takes a call that repeats another on its trail from the budget, and refuses it where that is spent', async () => {
    const clock = createVirtualClock();
    const budget = createBudget({ percent: 100, perSecond: 0, clock });
    const { sentMs, run, counters } = setUp({ budget });
    const trail = createTrail();
    const runs = [1, 2, 3].map(() => run(testFlight(clock, { trail })));
    assert.deepEqual(await Promise.all(runs), ['OK', 'OK', 'OVERLOADED'], 'one call paid in, so one more may be sent');
    assert.deepEqual([sentMs.length, counters.retries, counters.retriesOverBudget], [2, 1, 1]);
  });

  it('waits a moment, for nothing, where no instance is in rotation', async () => {
    const clock = createVirtualClock();
    const { errors, sentMs, run, counters } = setUp({ budget: createBudget({ percent: 0, perSecond: 0, clock }) });
    const none = new Refusal('balance', 'NO_INSTANCE', 'none', { retryAfterMs: 1_000, soon: true });
    errors.push(none, none, none);
    assert.equal(await run(testFlight(clock, { idempotent: false })), 'OK');
    assert.deepEqual([sentMs.at(-1), counters.retries], [150, 0]);
  });

  it('takes what another gateway refuses for an answer of an instance: elsewhere, and within the budget', async () => {
    const open = new MeshError('CIRCUIT_OPEN', 'open', { facts: { layer: 'breaker' } });
    const none = new MeshError('NO_INSTANCE', 'none', { facts: { layer: 'balance', soon: 'true' } });
    for (const error of [open, none]) {
      const { clock, errors, sentMs, run, counters } = setUp();
      errors.push(error);
      assert.equal(await run(testFlight(clock)), 'OK');
      assert.deepEqual([sentMs.length, counters.retries], [2, 1]);
      const spent = setUp({ budget: createBudget({ percent: 0, perSecond: 0, clock }) });
      spent.errors.push(error);
      assert.equal(await spent.run(testFlight(spent.clock)), error.code);
      assert.equal(spent.sentMs.length, 1);
    }
  });

  it('stops waiting when the flight ends', async () => {
    const { clock, errors, sentMs, run } = setUp({ restMs: 500 });
    errors.push(gone);
    const flight = testFlight(clock);
    clock.after(100, () => flight.end(new MeshError('CANCELLED', 'left')));
    assert.equal(await run(flight), 'CANCELLED');
    assert.equal(sentMs.length, 1);
    assert.equal(clock.pending, 0);
  });
});

describe('calls of an instance that stopped answering', () => {
  const silent = new MeshError('UPSTREAM_UNREACHABLE', 'embed-1 stopped answering');
  const setUp = (budget: number, canAnswer = true) => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const retry = createRetry({
      attemptsMax: 3,
      budget: createBudget({ percent: 0, perSecond: budget / 10, clock }),
      balance: { ...anywhere(), canAnswer: () => canAnswer },
      clock,
      random: () => 0.5,
      counters,
    });
    const [stopped, other] = [testEndpoint(clock, 'embed-1'), testEndpoint(clock, 'embed-2')];
    const outcomes = new Map<string, string>();
    const attempts: Begun[] = [];
    /** In flight at the stopped instance until it is cut; answered at the other. */
    const call = (name: string, changes: Partial<UpstreamCall> = {}): Flight => {
      const flight = testFlight(clock, changes);
      retry.layer<Reply>()((given, done) => {
        const begun = (given.attempts === 0 ? stopped : other).begin(given);
        if (given.attempts > 1) {
          begun.end(undefined, clock.monotonic());
          return done(undefined, testReply('embed-2'));
        }
        attempts.push(begun);
        begun.sent(
          {
            cancel(reason) {
              begun.end(reason, clock.monotonic());
              done(reason, undefined);
            },
          },
          true,
        );
      })(flight, (error, reply) => outcomes.set(name, error?.code ?? (reply as Reply).instance));
      return flight;
    };
    return { clock, counters, retry, attempts, outcomes, call, other };
  };

  it('move on while the budget lasts, those with the least time left first; the others wait', async () => {
    const { clock, counters, retry, attempts, outcomes, call } = setUp(2);
    for (const seconds of [60, 3, 30, 2]) call(`${seconds} s`, { deadlineMs: clock.now() + seconds * 1_000 });
    retry.move(attempts, silent);
    await clock.advance(100);
    assert.deepEqual([...outcomes].sort(), [
      ['2 s', 'embed-2'],
      ['3 s', 'embed-2'],
    ]);
    assert.deepEqual([counters.retries, counters.retriesOverBudget], [2, 1]);
    await clock.advance(10_000);
    retry.move(attempts, silent);
    await clock.advance(100);
    assert.equal(outcomes.size, 4, 'the budget has filled up again');
  });

  it('move a tenth of the budget at a time: a machine that is merely slow is not flooded', async () => {
    const { clock, retry, attempts, outcomes, call } = setUp(100);
    for (let each = 0; each < 60; each++) call(`call ${each}`);
    const moved: number[] = [];
    for (let tick = 0; tick < 3; tick++) {
      retry.move(attempts, silent);
      await clock.advance(50);
      moved.push(outcomes.size);
    }
    assert.deepEqual(moved, [10, 19, 27]);
  });

  it('stay where they are if they cannot be sent again, or have another attempt under way', async () => {
    const { clock, retry, attempts, outcomes, call, other } = setUp(10);
    call('not idempotent', { idempotent: false });
    call('no time left', { deadlineMs: clock.now() + 20 });
    other.begin(call('hedged'));
    call('poisonous').poisonous = true;
    retry.move(attempts, silent);
    const nowhere = setUp(10, false);
    nowhere.call('nobody else has the model');
    nowhere.retry.move(nowhere.attempts, silent);
    await clock.advance(100);
    assert.deepEqual([outcomes.size, nowhere.outcomes.size], [0, 0]);
  });
});

describe('hedge', () => {
  const setUp = (given: { budget?: Budget; other?: boolean; samples?: number } = {}) => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const latency = new Latency();
    for (let sample = 0; sample < (given.samples ?? 100); sample++) latency.record(100, 0);
    const sent: { deferred: Deferred<Reply>; cancelled: string | undefined; atMs: number }[] = [];
    const endpoint = testEndpoint(clock, 'embed-1');
    const layer = hedge<Reply>({
      msMin: 10,
      budget: given.budget ?? generous(clock),
      balance: { ...anywhere(), hasOther: () => given.other ?? true },
      latency: () => latency,
      clock,
      counters,
    });
    const next = (flight: Flight): Promise<Reply> => {
      const one: (typeof sent)[number] = { deferred: defer<Reply>(), cancelled: undefined, atMs: clock.monotonic() };
      const attempt: Attempt = {
        flight,
        endpoint,
        startedMs: clock.monotonic(),
        cancel(reason) {
          one.cancelled = reason.code;
          one.deferred.reject(reason);
        },
      };
      flight.latest = attempt;
      flight.attempts++;
      sent.push(one);
      return one.deferred.promise;
    };
    const send = promised(layer, next, clock);
    const call = (changes = {}) =>
      send(testFlight(clock, changes)).then(
        ({ instance }) => instance,
        (error: MeshError) => error.code,
      );
    return { clock, counters, sent, call };
  };

  it('sends nothing twice that is quicker than 95 % of its kind', async () => {
    const { clock, sent, call } = setUp();
    const outcome = call();
    await clock.advance(90);
    sent[0]?.deferred.resolve(testReply());
    await clock.advance(1_000);
    assert.equal(await outcome, 'embed-1');
    assert.equal(sent.length, 1);
    assert.equal(clock.pending, 0);
  });

  it('sends a slow call to another instance, takes the first answer and cancels the other', async () => {
    const { clock, sent, call, counters } = setUp();
    const outcome = call();
    await clock.advance(150);
    assert.equal(sent.length, 2);
    assert.ok((sent[1]?.atMs ?? 0) >= 100 && (sent[1]?.atMs ?? 0) <= 120, 'at the p95');
    sent[1]?.deferred.resolve(testReply('embed-2'));
    assert.equal(await outcome, 'embed-2');
    assert.deepEqual([sent[0]?.cancelled, sent[1]?.cancelled], ['CANCELLED', undefined]);
    assert.deepEqual([counters.hedges, counters.hedgesWon], [1, 1]);
  });

  it('cancels the second where the first answers after all', async () => {
    const { clock, sent, call, counters } = setUp();
    const outcome = call();
    await clock.advance(150);
    sent[0]?.deferred.resolve(testReply());
    assert.equal(await outcome, 'embed-1');
    assert.equal(sent[1]?.cancelled, 'CANCELLED');
    assert.equal(counters.hedgesWon, 0);
  });

  it('waits for the second where the first is lost, and fails only where both are', async () => {
    const { clock, sent, call } = setUp();
    const [one, two] = [call(), call()];
    await clock.advance(150);
    const [first, second, third, fourth] = sent;
    first?.deferred.reject(gone);
    third?.deferred.resolve(testReply('embed-2'));
    assert.equal(await one, 'embed-2');
    second?.deferred.reject(gone);
    fourth?.deferred.reject(gone);
    assert.equal(await two, 'UPSTREAM_UNREACHABLE');
  });

  it('takes an error about the request for the answer', async () => {
    const { clock, sent, call } = setUp();
    const outcome = call();
    await clock.advance(150);
    sent[0]?.deferred.reject(new MeshError('FIELD_INVALID', 'wrong'));
    assert.equal(await outcome, 'FIELD_INVALID');
    assert.equal(sent[1]?.cancelled, 'CANCELLED');
  });

  it('leaves the failure of a call that is still alone to retry', async () => {
    const { sent, call } = setUp();
    const outcome = call();
    sent[0]?.deferred.reject(gone);
    assert.equal(await outcome, 'UPSTREAM_UNREACHABLE');
    assert.equal(sent.length, 1);
  });

  const single: readonly [string, Parameters<typeof setUp>[0], object][] = [
    ['is not idempotent', {}, { idempotent: false }],
    ['has no other instance to go to', { other: false }, {}],
    ['has too few of its kind to compare with', { samples: 10 }, {}],
    ['would end too late', {}, { deadlineMs: createVirtualClock().now() + 80 }],
  ];
  for (const [what, options, changes] of single) {
    it(`does not hedge a call that ${what}`, async () => {
      const { clock, sent, call } = setUp(options);
      void call(changes);
      await clock.advance(5_000);
      assert.equal(sent.length, 1);
    });
  }

  it('stays within its budget', async () => {
    const clock = createVirtualClock();
    const { clock: own, sent, call, counters } = setUp({ budget: createBudget({ percent: 0, perSecond: 0, clock }) });
    void call();
    await own.advance(5_000);
    assert.deepEqual([sent.length, counters.hedgesOverBudget], [1, 1]);
  });
});

describe('latency', () => {
  it('knows a quantile within 19 %, of the last 5 to 10 seconds', () => {
    const latency = new Latency();
    assert.equal(latency.quantileMs(0.95, 0), undefined);
    for (let ms = 1; ms <= 100; ms++) latency.record(ms, 0);
    const p95 = latency.quantileMs(0.95, 0) ?? 0;
    assert.ok(p95 >= 95 && p95 <= 95 * 1.19, `${p95}`);
    for (let each = 0; each < 100; each++) latency.record(1, 6_000);
    assert.equal(latency.count(6_000), 200);
    for (let each = 0; each < 100; each++) latency.record(1, 12_000);
    assert.equal(latency.count(12_000), 200);
    assert.ok((latency.quantileMs(0.99, 12_000) ?? 0) < 1.2);
    assert.equal(latency.count(40_000), 0);
  });
});
