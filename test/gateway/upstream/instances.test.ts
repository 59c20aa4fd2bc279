import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { encodeLoadReport, LOAD_REPORT_KEY } from '../../../chassis/load-report.js';
import { createBalance } from '../../../gateway/upstream/balance.js';
import { createBreaker } from '../../../gateway/upstream/breaker.js';
import { createCounters } from '../../../gateway/upstream/counters.js';
import { createEjector } from '../../../gateway/upstream/eject.js';
import { Endpoint } from '../../../gateway/upstream/endpoint.js';
import { PeakEwma } from '../../../gateway/upstream/ewma.js';
import { createLoad } from '../../../gateway/upstream/load.js';
import { type Outcome, verdictOf } from '../../../gateway/upstream/outcome.js';
import { createPool } from '../../../gateway/upstream/pool.js';
import { createPulse } from '../../../gateway/upstream/pulse.js';
import { createRecovery } from '../../../gateway/upstream/recovery.js';
import { definition } from '../../../protos/index.js';
import { createVirtualClock } from '../../kit/clock.js';
import { createFakeNetwork, seeded, testEndpoint, testFlight } from '../../kit/upstream.js';

const gone = new MeshError('UPSTREAM_UNREACHABLE', 'gone');
const outcome = (error?: MeshError, ms = 10, nowMs = 0): Outcome => ({
  verdict: verdictOf(error),
  error,
  ms,
  beaten: false,
  nowMs,
});

describe('outcome', () => {
  it('tells failures from refusals, answers and what says nothing', () => {
    const verdicts = (
      [
        'UPSTREAM_UNREACHABLE',
        'INTERNAL',
        'QUEUE_FULL',
        'SHUTTING_DOWN',
        'CANCELLED',
        'DEADLINE_EXCEEDED',
        'FIELD_INVALID',
        'MODEL_UNKNOWN',
      ] as const
    ).map((code) => verdictOf(new MeshError(code, '')));
    assert.deepEqual(verdicts, [
      'failed',
      'failed',
      'refused',
      'refused',
      'unknown',
      'unknown',
      'answered',
      'answered',
    ]);
    assert.equal(verdictOf(undefined), 'answered');
  });
});

describe('peak EWMA and load', () => {
  it('believes a slow answer at once and forgets it slowly', () => {
    const load = new PeakEwma();
    load.observe(10, 0);
    load.observe(500, 10);
    assert.equal(load.valueMs(10), 500);
    load.observe(10, 20);
    assert.ok(load.valueMs(20) > 490);
    assert.ok(load.valueMs(18_020) < 30);
  });

  it('takes a fast refusal for slow', () => {
    const load = new PeakEwma();
    const observer = createLoad(load, { siblingMs: () => 200 });
    observer.end(outcome(new MeshError('QUEUE_FULL', 'full'), 1));
    assert.equal(load.valueMs(0), 400);
  });

  it('does not let instances that refuse drive each other up, however long it lasts', () => {
    const [a, b] = [new PeakEwma(), new PeakEwma()];
    const observers = [
      createLoad(a, { siblingMs: () => b.answeredMs }),
      createLoad(b, { siblingMs: () => a.answeredMs }),
    ];
    for (const observer of observers) observer.end(outcome(undefined, 100));
    for (let each = 1; each < 10_000; each++)
      for (const observer of observers) observer.end(outcome(new MeshError('QUEUE_FULL', 'full'), 1, each));
    for (const load of [a, b]) assert.ok(load.valueMs(10_000) <= 200, `${load.valueMs(10_000)}`);
  });

  it('counts a missed deadline and a caller who left for what they lasted, however often', () => {
    for (const code of ['DEADLINE_EXCEEDED', 'CANCELLED'] as const) {
      const load = new PeakEwma();
      const observer = createLoad(load, { siblingMs: () => 0 });
      observer.end(outcome(undefined, 50));
      for (let each = 0; each < 10; each++) observer.end(outcome(new MeshError(code, 'over'), 300));
      assert.equal(load.valueMs(0), 300);
    }
  });

  it('learns nothing from times that say nothing, but a failure all the same', () => {
    const load = new PeakEwma();
    const observer = createLoad(load, { siblingMs: () => 0 });
    observer.end({ ...outcome(), ms: undefined });
    assert.equal(load.known, false);
    observer.end(outcome(undefined, 10));
    observer.end({ ...outcome(new MeshError('CANCELLED', 'left')), ms: undefined });
    assert.equal(load.valueMs(0), 10);
    observer.end({ ...outcome(gone), ms: undefined });
    assert.equal(load.valueMs(0), 50);
  });

  it('counts an attempt that another instance won for what it lasted, and for twice as much each further time', () => {
    const load = new PeakEwma();
    const observer = createLoad(load, { siblingMs: () => 0 });
    const beaten = (ms: number): number => {
      observer.end({ ...outcome(new MeshError('CANCELLED', 'another answered first'), ms), beaten: true });
      return load.valueMs(0);
    };
    observer.end(outcome(undefined, 500));
    assert.deepEqual(
      [1, 2, 3, 4].map(() => beaten(100)),
      [500, 500, 500, 800],
    );
    observer.end(outcome(undefined, 900));
    assert.equal(beaten(100), 900, 'an answer in between says how slow it is');
  });
});

describe('balance', () => {
  const setUp = (ids: readonly string[], changes: { policy?: 'p2c' | 'random'; slowStartMs?: number } = {}) => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const endpoints: Endpoint[] = ids.map((id) => testEndpoint(clock, id, {}, counters));
    const balance = createBalance({
      capability: 'embed',
      endpoints: () => endpoints,
      known: () => true,
      policy: 'p2c',
      slowStartMs: 0,
      probeMs: 500,
      random: seeded(7),
      counters,
      ...changes,
    });
    const shares = (picks: number, changes = {}): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (let pick = 0; pick < picks; pick++) {
        const { id } = balance.pick(testFlight(clock, changes));
        counts[id] = (counts[id] ?? 0) + 1 / picks;
      }
      return counts;
    };
    return { clock, counters, endpoints: endpoints as [Endpoint, Endpoint, Endpoint], balance, shares };
  };
  const pretendBreaker = (open: boolean) => ({ open, end: () => {}, close: () => {}, dispose: () => {} });

  it('shares calls out evenly among equals', () => {
    for (const share of Object.values(setUp(['a', 'b', 'c']).shares(3_000)))
      assert.ok(Math.abs(share - 1 / 3) < 0.05, `${share}`);
  });

  it('avoids the slow and the busy', () => {
    const { endpoints, shares, clock } = setUp(['a', 'b', 'c']);
    const [a, b, c] = endpoints;
    for (const each of [a, b, c]) each.load.observe(each === a ? 200 : 10, 0);
    assert.equal(shares(300).a, undefined);
    for (let call = 0; call < 30; call++) b.begin(testFlight(clock));
    assert.ok((shares(300).c ?? 0) > 0.6);
  });

  it('counts what has not been answered yet for as long as it lasts', async () => {
    const { endpoints, shares, clock } = setUp(['a', 'b']);
    for (const each of endpoints) {
      each.load.observe(10, 0);
      each.begin(testFlight(clock));
    }
    await clock.advance(5);
    const b = endpoints[1];
    b.oldest?.end(undefined, clock.monotonic());
    b.begin(testFlight(clock));
    await clock.advance(100);
    b.begin(testFlight(clock)).end(undefined, clock.monotonic());
    b.oldest?.end(undefined, clock.monotonic());
    assert.equal(shares(100).a, undefined);
  });

  it('counts no stream that has begun to answer, and nothing whose requests are yet to come', async () => {
    const { endpoints, shares, clock } = setUp(['a', 'b', 'c']);
    for (const each of endpoints) each.load.observe(10, 0);
    const [a, ...others] = endpoints;
    const stream = a.begin(testFlight(clock));
    const untimed = a.begin(testFlight(clock, { untimed: true, idempotent: false }));
    await clock.advance(10);
    stream.heard();
    await clock.advance(600_000);
    for (const each of endpoints) each.load.observe(10, clock.monotonic());
    for (const each of [...others, ...others]) each.begin(testFlight(clock));
    assert.equal(a.oldest, undefined);
    assert.ok(Math.abs((shares(3_000).a ?? 0) - 1 / 3) < 0.05, 'as busy as the others, not slow');
    untimed.end(undefined, clock.monotonic());
    stream.end(undefined, clock.monotonic());
    assert.equal(a.inFlight, 0);
  });

  it('avoids an instance that reports a queue, for as long as the report lasts', async () => {
    const { endpoints, shares, clock, counters } = setUp(['a', 'b']);
    const [a, b] = endpoints;
    for (const each of [a, b]) each.load.observe(10, 0);
    const report = (queueMs: number) => ({
      [LOAD_REPORT_KEY]: encodeLoadReport({ cpuUtilization: 0, rps: 0, eps: 0, named: { queue_ms: queueMs } }),
    });
    a.heardTrailers(report(500), clock.monotonic());
    assert.equal(shares(100).a, undefined);
    assert.equal(a.status().queueMs, 500);
    await clock.advance(300);
    assert.equal(a.status().queueMs, 200, 'a queue moves on');
    await clock.advance(200);
    assert.ok((shares(1_000).a ?? 0) > 0.4);
    a.heardTrailers(report(1e9), clock.monotonic());
    assert.equal(a.status().queueMs, 10_000, 'nobody is believed to be that busy');
    await clock.advance(2_001);
    assert.equal(a.status().queueMs, 0, 'a report of 2 s ago says nothing');
    a.heardTrailers({ [LOAD_REPORT_KEY]: 'AAAA' }, clock.monotonic());
    assert.equal(counters.loadReports, 2);
    b.heardTrailers({}, clock.monotonic());
    assert.equal(b.status().queueMs, 0);
  });

  it('gives weight its share, and a new instance a small one that grows', async () => {
    const weighted = setUp(['a', 'b']);
    weighted.endpoints[0].instance = { ...weighted.endpoints[0].instance, weight: 25 };
    weighted.endpoints[1].instance = { ...weighted.endpoints[1].instance, weight: 75 };
    for (const each of weighted.endpoints) each.load.observe(10, 0);
    assert.ok(Math.abs((weighted.shares(4_000).a ?? 0) - 0.25) < 0.03);
    const { clock, endpoints, shares } = setUp(['a', 'b'], { slowStartMs: 10_000 });
    for (const each of endpoints) each.load.observe(10, 0);
    endpoints[1].startedMs = 0;
    const atFirst = shares(2_000).b ?? 0;
    await clock.advance(5_000);
    for (const each of endpoints) each.load.observe(10, 5_000);
    const halfway = shares(2_000).b ?? 0;
    await clock.advance(5_000);
    const atLast = shares(2_000).b ?? 0;
    assert.ok(atFirst < 0.12 && halfway > 0.25 && halfway < 0.4 && atLast > 0.45, `${atFirst} ${halfway} ${atLast}`);
  });

  it('prefers instances that have the model, and asks any where none has', () => {
    const { endpoints, shares } = setUp(['a', 'b']);
    endpoints[1].instance = { ...endpoints[1].instance, models: ['m@1', 'other@2'] };
    for (const model of ['other@2', 'other', 'other:stable'])
      assert.deepEqual(Object.keys(shares(50, { model })), ['b']);
    for (const model of ['m', 'unknown@1', 'other@3']) assert.equal(Object.keys(shares(50, { model })).length, 2);
  });

  it('sends a retry elsewhere, and not to an instance that asked for rest', () => {
    const { clock, endpoints, balance } = setUp(['a', 'b', 'c']);
    const [a, b, c] = endpoints;
    const flight = testFlight(clock);
    a.begin(flight);
    b.restUntilMs = 1_000;
    for (let pick = 0; pick < 20; pick++) assert.equal(balance.pick(flight), c);
    assert.equal(balance.restMs(flight), 0);
    c.restUntilMs = 400;
    assert.equal(balance.restMs(flight), 400);
    assert.equal(balance.hasOther(flight), true);
    for (const each of [b, c]) each.begin(flight);
    assert.equal(balance.hasOther(flight), false);
    assert.ok(balance.pick(flight), 'rather one that was tried than none');
  });

  it('keeps to instances in rotation, and to suspects where nobody else is left', () => {
    const { endpoints, shares, counters } = setUp(['a', 'b', 'c']);
    const [a, b, c] = endpoints;
    a.pulse = 'silent';
    b.pulse = 'leaving';
    assert.deepEqual(Object.keys(shares(50)), ['c']);
    c.pulse = 'lost';
    assert.deepEqual(Object.keys(shares(50)), ['a']);
    assert.equal(counters.panics, 50);
    a.pulse = 'serving';
    a.ejected = true;
    assert.deepEqual(Object.keys(shares(50)), ['a']);
  });

  it('says NO_INSTANCE or CIRCUIT_OPEN, and when to come back', () => {
    const { clock, balance, endpoints } = setUp(['a', 'b']);
    endpoints[0].pulse = 'lost';
    endpoints[1].pulse = 'leaving';
    const refusal = (): MeshError => {
      try {
        balance.pick(testFlight(clock));
      } catch (error) {
        return error as MeshError;
      }
      return assert.fail('picked');
    };
    assert.deepEqual([refusal().code, refusal().facts.soon], ['NO_INSTANCE', 'true']);
    endpoints[0].pulse = 'serving';
    endpoints[0].breaker = pretendBreaker(true);
    assert.deepEqual([refusal().code, refusal().retryAfterMs], ['CIRCUIT_OPEN', 500]);
  });
});

describe('outlier ejection', () => {
  it('ejects after failures in a row, unless too many are out', () => {
    let may = false;
    let ejected = 0;
    const ejector = createEjector({ after: 3, mayEject: () => may, eject: () => ejected++ });
    const fail = (): void => ejector.end(outcome(gone));
    fail();
    fail();
    ejector.end(outcome());
    fail();
    fail();
    assert.equal(ejected, 0);
    fail();
    assert.equal(ejected, 0, 'may not');
    may = true;
    ejector.end(outcome(new MeshError('QUEUE_FULL', 'full')));
    assert.equal(ejected, 0, 'a refusal is no failure');
    fail();
    assert.equal(ejected, 1);
  });
});

describe('an attempt that was cut here', () => {
  it('counts against nobody, whatever the reason', () => {
    const clock = createVirtualClock();
    const verdicts: string[] = [];
    const counters = createCounters();
    const { pool, instance } = testEndpoint(clock, 'embed-1');
    const endpoint = new Endpoint(instance, {
      pool,
      clock,
      counters,
      observers: () => [{ end: ({ verdict }) => verdicts.push(verdict) }],
    });
    const cut = endpoint.begin(testFlight(clock));
    cut.cancel(gone);
    cut.end(gone, 0);
    endpoint.begin(testFlight(clock)).end(gone, 0);
    const late = endpoint.begin(testFlight(clock));
    late.cancel(gone);
    late.end(undefined, 0);
    assert.deepEqual(verdicts, ['unknown', 'failed', 'answered'], 'an answer that came before its turn is one');
  });
});

describe('breaker', () => {
  const setUp = () => {
    const clock = createVirtualClock();
    let opened = 0;
    const breaker = createBreaker({ name: 'embed/embed-1', percent: 50, callsMin: 10, clock, onOpen: () => opened++ });
    const tell = async (times: number, error?: MeshError): Promise<void> => {
      for (let each = 0; each < times; each++) breaker.end(outcome(error, 10, clock.monotonic()));
      await clock.advance(0);
    };
    return { clock, breaker, tell, opened: () => opened };
  };

  it('opens where over half of enough calls fail', async () => {
    const { breaker, tell, opened } = setUp();
    await tell(9, gone);
    assert.equal(breaker.open, false, 'too few to judge by');
    await tell(1, gone);
    assert.equal(breaker.open, true);
    assert.equal(opened(), 1);
    breaker.dispose();
  });

  it('is told nothing by refusals, by callers who leave, or by errors about the request', async () => {
    for (const code of [
      'QUEUE_FULL',
      'OVERLOADED',
      'CANCELLED',
      'DEADLINE_EXCEEDED',
      'FIELD_INVALID',
      'MODEL_UNKNOWN',
    ] as const) {
      const { breaker, tell } = setUp();
      await tell(100, new MeshError(code, ''));
      assert.equal(breaker.open, false, code);
      breaker.dispose();
    }
  });

  it('forgets what is older than its window, by our clock', async () => {
    const { clock, breaker, tell } = setUp();
    await tell(9, gone);
    await clock.advance(4_000);
    await tell(5);
    await tell(4, gone);
    assert.equal(breaker.open, false);
    breaker.dispose();
  });

  it('closes when it is told to, and opens again at once where the failures go on', async () => {
    const { breaker, tell, opened } = setUp();
    await tell(20, gone);
    breaker.close();
    assert.equal(breaker.open, false);
    await tell(1, gone);
    assert.equal(breaker.open, true);
    assert.equal(opened(), 2);
    breaker.dispose();
  });
});

describe('connections', () => {
  const setUp = (resetsMax = 100) => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const counters = createCounters();
    return {
      clock,
      network,
      counters,
      pool: createPool('a:1', { connect: network.connect, connections: 2, resetsMax, clock, counters }),
    };
  };

  it('opens a second one when the first is busy, and no more in normal use', () => {
    const { network, pool } = setUp();
    for (let call = 0; call < 60; call++) pool.lease();
    assert.equal(network.connections, 2);
  });

  it('never has more calls on a connection than it could reset without harm', () => {
    const { network, pool } = setUp();
    for (let call = 0; call < 1_000; call++) pool.lease();
    assert.equal(network.connections, 10);
  });

  it('retires a connection that has used half of its resets, and closes it when its calls have ended', () => {
    const { network, pool, counters } = setUp();
    const neighbour = pool.lease();
    for (let call = 0; call < 51; call++) pool.lease().release(true);
    assert.deepEqual([counters.resets, counters.connectionsRotated], [51, 1]);
    assert.notEqual(pool.lease().transport, neighbour.transport);
    assert.equal(network.connections, 2);
    neighbour.release(false);
    assert.equal(network.connections, 1);
  });

  it('forgives resets as time passes, as the peer does', async () => {
    const { clock, network, pool } = setUp();
    for (let second = 0; second < 20; second++) {
      for (let call = 0; call < 20; call++) pool.lease().release(true);
      await clock.advance(1_000);
    }
    assert.equal(network.connections, 1);
  });

  it('gives a place back once, and closes everything in the end', () => {
    const { network, pool } = setUp();
    const lease = pool.lease();
    lease.release(false);
    lease.release(true);
    const last = pool.lease();
    pool.close();
    assert.equal(network.connections, 1);
    last.release(false);
    assert.equal(network.connections, 0);
  });
});

describe('pulse', () => {
  const setUp = () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const counters = createCounters();
    const endpoint = testEndpoint(clock, 'embed-1');
    const changes: string[] = [];
    let dead = 0;
    const pulse = createPulse({
      endpoint,
      connect: network.connect,
      silenceMs: 100,
      timeoutMs: 250,
      idleMs: 1_000,
      clock,
      counters,
      onChange: (from) => changes.push(`${from}>${endpoint.pulse}`),
      onDead: () => dead++,
    });
    return { clock, network, counters, endpoint, changes, pulse, dead: () => dead };
  };
  const address = 'embed-1:1';

  it('finds a stopped instance with calls within 500 ms, gives its calls up later, and knows when it is back', async () => {
    const { clock, network, endpoint, changes, dead } = setUp();
    await clock.advance(3_000);
    network.health(address, 'silent');
    endpoint.begin(testFlight(clock));
    await clock.advance(300);
    assert.equal(endpoint.pulse, 'serving');
    await clock.advance(200);
    assert.equal(endpoint.pulse, 'silent');
    assert.equal(dead(), 0);
    await clock.advance(250);
    assert.ok(dead() > 0);
    await clock.advance(2_000);
    network.health(address, 1);
    await clock.advance(50);
    assert.deepEqual(changes, ['serving>silent', 'silent>serving']);
  });

  it('does not mind a long call while health answers', async () => {
    const { clock, endpoint, changes } = setUp();
    endpoint.begin(testFlight(clock));
    await clock.advance(30_000);
    assert.deepEqual(changes, []);
  });

  it('judges nobody when this process itself was held up', async () => {
    const { clock, network, endpoint } = setUp();
    await clock.advance(1_000);
    network.health(address, 'silent');
    endpoint.begin(testFlight(clock));
    await clock.advance(200);
    // The clock jumps: every timer is late, as after a long garbage collection.
    const jump = clock.monotonic;
    let heldUpMs = 0;
    Object.assign(clock, { monotonic: () => jump() + heldUpMs });
    heldUpMs = 600;
    await clock.advance(50);
    assert.equal(endpoint.pulse, 'serving');
    await clock.advance(50);
    assert.equal(endpoint.pulse, 'silent');
  });

  it('tells leaving, lost and back', async () => {
    const { clock, network, endpoint, changes } = setUp();
    for (const status of [2, 'refused', 1] as const) {
      network.health(address, status);
      await clock.advance(1_300);
    }
    assert.deepEqual(changes, ['serving>leaving', 'leaving>lost', 'lost>serving']);
    assert.equal(endpoint.pulse, 'serving');
  });

  it('gives a ping up in the end and asks on a new connection', async () => {
    const { clock, network, pulse } = setUp();
    network.health(address, 'silent');
    await clock.advance(7_000);
    assert.equal(network.connections, 1);
    pulse.stop();
    assert.equal(network.connections, 0);
    assert.equal(clock.pending, 0);
  });
});

describe('recovery', () => {
  it('probes with synthetic input until it is answered, and then readmits', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const counters = createCounters();
    const endpoint = testEndpoint(clock, 'embed-1');
    const pool = createPool('embed-1:1', { connect: network.connect, connections: 1, resetsMax: 100, clock, counters });
    Object.assign(endpoint, { pool, ejected: true });
    const readmitted: string[] = [];
    const recovery = createRecovery({
      probeMs: 500,
      clock,
      random: () => 0.5,
      counters,
      readmit: ({ id }) => {
        endpoint.ejected = false;
        readmitted.push(id);
      },
    });
    network.script('embed-1:1', () => ({ afterMs: 1, error: gone }));
    recovery.watch(endpoint);
    recovery.watch(endpoint);
    await clock.advance(5_100);
    assert.deepEqual([counters.probes, counters.probesFailed, readmitted.length], [10, 10, 0]);
    assert.ok(network.sent.every(({ method }) => method === 'plexus.v1.Embed/Embed'));
    network.script('embed-1:1', () => ({ afterMs: 1 }));
    await clock.advance(600);
    assert.deepEqual(readmitted, ['embed-1']);
    await clock.advance(10_000);
    assert.equal(counters.probes, 11);
    assert.equal(clock.pending, 0);
  });

  it('keeps an instance of infer out that fails its inferences, and believes its health where zeros may be what it cannot take', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const counters = createCounters();
    const { DescribeModel } = definition('plexus.v1.Infer');
    const description = DescribeModel.responseSerialize({
      inputs: [{ name: 'x', type: 'DATA_TYPE_FLOAT32', shape: [{ symbol: 'batch' }] }],
    });
    const connect: typeof network.connect = (address) => {
      const transport = network.connect(address);
      return {
        ...transport,
        unary: (method, request, options) =>
          transport.unary(method, method.endsWith('/DescribeModel') ? description : request, options),
      };
    };
    network.script('infer-1:1', ({ method }) => ({
      afterMs: 1,
      ...(method.endsWith('/Infer') && { error: new MeshError('INTERNAL', 'broken') }),
    }));
    const endpoint = testEndpoint(clock, 'infer-1', { capability: 'infer' });
    const pool = createPool('infer-1:1', { connect, connections: 1, resetsMax: 100, clock, counters });
    Object.assign(endpoint, { pool, ejected: true });
    let readmitted = false;
    const recovery = createRecovery({
      probeMs: 500,
      clock,
      random: () => 0.5,
      counters,
      readmit() {
        readmitted = true;
      },
    });
    recovery.watch(endpoint);
    await clock.advance(2_600);
    assert.deepEqual([counters.probes, readmitted], [5, false]);
    assert.equal(network.sent.filter(({ method }) => method === 'plexus.v1.Infer/Infer').length, 5);
    await clock.advance(600);
    assert.deepEqual([counters.probes, readmitted], [6, true]);
  });

  it('waits longer each time an instance comes back in vain, and forgets that once it stays', async () => {
    const clock = createVirtualClock();
    const counters = createCounters();
    const endpoint = testEndpoint(clock, 'infer-1', { capability: 'infer', models: [] }); // its health is well
    const backMs: number[] = [];
    let staysMs = 100;
    const out = (): void => {
      endpoint.ejected = true;
      recovery.watch(endpoint);
    };
    const recovery = createRecovery({
      probeMs: 500,
      clock,
      random: () => 0.5,
      counters,
      readmit() {
        endpoint.ejected = false;
        backMs.push(clock.monotonic());
        clock.after(staysMs, out);
      },
    });
    out();
    await clock.advance(100_000);
    const pauses = backMs.map((ms, index) => Math.round((ms - (backMs[index - 1] ?? -staysMs) - staysMs) / 500));
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 32, 32, 32, 32]);
    staysMs = 20_000;
    await clock.advance(60_000);
    staysMs = 100;
    const before = backMs.length;
    await clock.advance(40_000);
    assert.ok(backMs.length - before >= 4, 'as often as at first');
    recovery.stop();
  });

  it('takes an instance that is only full for healed, and one that does not answer for ill', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const counters = createCounters();
    const outcomes: string[] = [];
    for (const [id, behaviour] of [
      ['full', { afterMs: 1, error: new MeshError('QUEUE_FULL', 'full') }],
      ['hangs', { afterMs: Number.POSITIVE_INFINITY }],
    ] as const) {
      const endpoint = testEndpoint(clock, id);
      Object.assign(endpoint, {
        pool: createPool(`${id}:1`, { connect: network.connect, connections: 1, resetsMax: 100, clock, counters }),
        ejected: true,
      });
      network.script(`${id}:1`, () => behaviour);
      createRecovery({
        probeMs: 500,
        clock,
        random: () => 0.5,
        counters,
        readmit: () => {
          endpoint.ejected = false;
          outcomes.push(id);
        },
      }).watch(endpoint);
    }
    await clock.advance(4_000);
    assert.deepEqual(outcomes, ['full']);
  });
});
