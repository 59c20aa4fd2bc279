/** The whole stack: what holds for any calls and any network (fast-check), and each layer's off switch. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MeshError } from '../../../chassis/errors.js';
import { createMetrics } from '../../../chassis/metrics.js';
import { createCuts } from '../../../gateway/upstream/cuts.js';
import { createUpstream, type UpstreamSettings } from '../../../gateway/upstream/index.js';
import { createVirtualClock } from '../../kit/clock.js';
import { createSimulatedClock } from '../../kit/simulation.js';
import {
  createFakeNetwork,
  createFakeRegistry,
  seeded,
  testCall,
  testInstance,
  testUpstreamSettings,
} from '../../kit/upstream.js';

const SEED = Number(process.env.PLEXUS_SEED ?? 20_261_122);

const behaviour = fc.oneof(
  { weight: 6, arbitrary: fc.record({ afterMs: fc.integer({ min: 1, max: 200 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      afterMs: fc.integer({ min: 1, max: 50 }),
      code: fc.constantFrom('UPSTREAM_UNREACHABLE', 'QUEUE_FULL', 'SHUTTING_DOWN', 'INTERNAL', 'FIELD_INVALID'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ afterMs: Number.POSITIVE_INFINITY }) },
);
const scenario = fc.record({
  instances: fc.integer({ min: 0, max: 4 }),
  script: fc.array(behaviour, { minLength: 1, maxLength: 40 }),
  calls: fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 30 }),
      deadlineMs: fc.integer({ min: 0, max: 600 }),
      idempotent: fc.boolean(),
      leavesMs: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
      ttlMs: fc.constantFrom(0, 0, 0, 100),
      deterministic: fc.boolean(),
      key: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 60 },
  ),
  seed: fc.integer(),
});

describe('the stack as a whole', function () {
  this.timeout(60_000);

  it('ends every call exactly once, sends nothing late, and never exceeds the budget, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ instances, script, calls, seed }) => {
        const clock = createSimulatedClock();
        const network = createFakeNetwork(clock);
        const ids = Array.from({ length: instances }, (_, index) => `embed-${index + 1}`);
        let turn = 0;
        for (const id of ids) {
          network.script(`${id}:1`, () => {
            const next = script[turn++ % script.length] as { afterMs: number; code?: 'INTERNAL' };
            return next.code ? { afterMs: next.afterMs, error: new MeshError(next.code, 'scripted') } : next;
          });
        }
        const settings = testUpstreamSettings({ retryPercent: 20, retryPerSecond: 1, inFlightMax: 20, queueMax: 10 });
        const upstream = createUpstream({
          registry: createFakeRegistry(ids.map((id) => testInstance(id))),
          settings,
          clock,
          random: seeded(seed),
          connect: network.connect,
        });
        const ends = calls.map(() => 0);
        const lateMs: number[] = [];
        const onceOnly = new Set<number>();
        let atMs = 0;
        calls.forEach(({ afterMs, deadlineMs, idempotent, leavesMs, ttlMs, deterministic, key }, index) => {
          atMs += afterMs;
          clock.after(atMs, () => {
            const controller = new AbortController();
            const deadline = clock.now() + deadlineMs;
            if (leavesMs !== undefined)
              clock.after(leavesMs, () => controller.abort(new MeshError('CANCELLED', 'left')));
            if (!idempotent) onceOnly.add(index);
            const request = Buffer.from(idempotent ? `key ${key}` : `once ${index}`);
            const end = (): void => {
              ends[index] = (ends[index] ?? 0) + 1;
              if (clock.now() > deadline + 1) lateMs.push(clock.now() - deadline);
            };
            upstream
              .unary(
                testCall(clock, {
                  request,
                  deadlineMs: deadline,
                  signal: controller.signal,
                  idempotent,
                  deterministic,
                  ...(ttlMs > 0 && { cache: { ttlMs } }),
                }),
              )
              .then(
                ({ response }) => {
                  assert.deepEqual(response, request);
                  end();
                },
                (error) => {
                  assert.ok(error instanceof MeshError);
                  end();
                },
              );
          });
        });
        await clock.run(atMs + 2_000);
        assert.ok(
          ends.every((count) => count === 1),
          'each call ends exactly once',
        );
        assert.deepEqual(lateMs, [], 'no call outlives its deadline');
        assert.ok(
          network.sent.every((sent) => sent.atMs < sent.deadlineMs),
          'nothing is sent after its deadline',
        );
        const counters = upstream.counters().embed;
        const extra = (counters?.retries ?? 0) + (counters?.hedges ?? 0);
        assert.ok(extra <= calls.length * 0.2 + 10, `${extra} sent again for ${calls.length} calls`);
        assert.ok((counters?.attempts ?? 0) <= calls.length + extra, 'every attempt is a first one or paid for');
        assert.deepEqual(
          upstream.instances('embed').map(({ inFlight }) => inFlight),
          ids.map(() => 0),
          'nothing is left in flight',
        );
        assert.ok(
          network.sent.every(({ outcome }) => outcome !== 'flying'),
          'what was not waited for was cancelled',
        );
        await upstream.close();
      }),
      { seed: SEED, numRuns: 80 },
    );
  });

  const layers: readonly (keyof UpstreamSettings)[] = [
    'deadline',
    'deadlineReserve',
    'cache',
    'singleFlight',
    'throttle',
    'bulkhead',
    'adaptiveLimit',
    'retry',
    'hedge',
    'keepOnEmpty',
    'pulse',
    'loadReports',
    'poison',
    'eject',
    'breaker',
  ];
  for (const layer of layers) {
    it(`answers with ${layer} switched off`, async () => {
      const clock = createVirtualClock();
      const network = createFakeNetwork(clock);
      const upstream = createUpstream({
        registry: createFakeRegistry([testInstance('a'), testInstance('b')]),
        settings: testUpstreamSettings({ [layer]: false }),
        clock,
        random: seeded(3),
        connect: network.connect,
      });
      const calls = Promise.all(Array.from({ length: 30 }, () => upstream.unary(testCall(clock))));
      await clock.advance(100);
      assert.equal((await calls).length, 30);
      await upstream.close();
    });
  }

  it('does what an off switch says: no retry, no hedge, no cache, no bound, no ping', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    network.script('a:1', () => ({ afterMs: 50, error: new MeshError('UPSTREAM_UNREACHABLE', 'gone') }));
    const settings = testUpstreamSettings({
      retry: false,
      hedge: false,
      cache: false,
      singleFlight: false,
      bulkhead: false,
      pulse: false,
      eject: false,
      breaker: false,
      throttle: false,
      inFlightMax: 1,
    });
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a')]),
      settings,
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const calls = Promise.allSettled(
      Array.from({ length: 50 }, () => upstream.unary(testCall(clock, { cache: { ttlMs: 1_000 } }))),
    );
    await clock.advance(0);
    assert.equal(network.sent.length, 50);
    await clock.advance(5_000);
    assert.ok((await calls).every(({ status }) => status === 'rejected'));
    assert.equal(network.sent.length, 50);
    assert.equal(network.connections, 2);
    await upstream.close();
    assert.equal(network.connections, 0);
    assert.equal(clock.pending, 0);
  });

  it('sends the metadata, keeps the deadline and joins cached calls through the whole stack', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a')]),
      settings: testUpstreamSettings(),
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const call = testCall(clock, { deadlineMs: clock.now() + 1_000, cache: { ttlMs: 500 } });
    const both = Promise.all([upstream.unary(call), upstream.unary(call)]);
    await clock.advance(10);
    assert.deepEqual(
      (await both).map(({ cached, attempts, instance }) => ({ cached, attempts, instance })),
      [
        { cached: false, attempts: 1, instance: 'a' },
        { cached: true, attempts: 0, instance: 'a' },
      ],
    );
    assert.equal(network.sent[0]?.deadlineMs, call.deadlineMs - 20);
    await upstream.close();
  });

  it('sends a stream again that broke before its first message, and never after it', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    let turn = 0;
    for (const address of ['a:1', 'b:1'])
      network.script(address, () =>
        turn++ === 0 ? { afterMs: 5, error: new MeshError('UPSTREAM_UNREACHABLE', 'gone') } : { afterMs: 5 },
      );
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a'), testInstance('b')]),
      settings: testUpstreamSettings(),
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const stream = upstream.serverStream(testCall(clock));
    const read = (async () => {
      let messages = 0;
      for await (const _ of stream) messages++;
      return messages;
    })();
    await clock.advance(500);
    assert.equal(await read, 2);
    assert.equal(stream.attempts, 2);
    assert.notEqual(network.sent[0]?.address, network.sent[1]?.address);
    assert.ok(upstream.instances('embed').every(({ inFlight }) => inFlight === 0));
    await upstream.close();
  });

  it('cancels a stream whose reader leaves', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a')]),
      settings: testUpstreamSettings(),
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const read = (async () => {
      for await (const _ of upstream.serverStream(testCall(clock))) break;
    })();
    await clock.advance(100);
    await read;
    assert.equal(upstream.instances('embed')[0]?.inFlight, 0);
    assert.equal(upstream.counters().embed?.resets, 1);
    await upstream.close();
    assert.equal(clock.pending, 0);
  });

  it('exports what the layers count', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const metrics = createMetrics({ defaults: false });
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a')]),
      settings: testUpstreamSettings(),
      clock,
      random: seeded(3),
      connect: network.connect,
      metrics,
    });
    for (let scrape = 1; scrape <= 2; scrape++) {
      const call = upstream.unary(testCall(clock));
      await clock.advance(10);
      await call;
      const text = await metrics.registry.metrics();
      assert.match(text, new RegExp(`plexus_upstream_events_total{capability="embed",event="answered"} ${scrape}\n`));
      assert.match(text, /plexus_upstream_instance_up{capability="embed",instance="a",state="serving"} 1\n/);
    }
    await upstream.close();
  });
});

describe('thousands of callers who leave together', () => {
  it('are told at once; their calls are cancelled a few at a time, and none of them waits when the stack closes', async () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    network.script('a:1', () => ({ afterMs: Number.POSITIVE_INFINITY }));
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a')]),
      settings: testUpstreamSettings({ inFlightMax: 5_000, adaptiveLimit: false, pulse: false }),
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const controller = new AbortController();
    let told = 0;
    for (let call = 0; call < 1_000; call++)
      upstream.unary(testCall(clock, { signal: controller.signal })).catch(() => told++);
    await clock.advance(10);
    controller.abort(new MeshError('CANCELLED', 'left'));
    await clock.advance(0);
    const cancelled = (): number => network.sent.filter(({ outcome }) => outcome === 'cancelled').length;
    assert.deepEqual([told, cancelled()], [1_000, 50]);
    await clock.advance(100);
    assert.equal(cancelled(), 250);
    assert.equal(upstream.instances('embed')[0]?.inFlight, 750, 'they are in flight until then');
    await clock.advance(300);
    assert.equal(cancelled(), 850);
    await upstream.close();
    assert.equal(cancelled(), 1_000);
    assert.equal(clock.pending, 0);
  });

  it('are cancelled at once where they are few', async () => {
    const clock = createVirtualClock();
    let cut = 0;
    const cuts = createCuts(clock);
    for (let second = 0; second < 3; second++) {
      for (let each = 0; each < 50; each++) cuts.add(() => cut++);
      assert.equal(cut, 50 * (second + 1));
      assert.equal(clock.pending, 0);
      await clock.advance(25);
    }
  });
});

describe('a call to one instance', () => {
  const setUp = () => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const upstream = createUpstream({
      registry: createFakeRegistry([testInstance('a'), testInstance('b')]),
      settings: testUpstreamSettings({ inFlightMax: 1, queueMax: 0 }),
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const load = () =>
      upstream.unaryTo('a', testCall(clock, { method: 'plexus.v1.Models/Load', deadlineMs: clock.now() + 60_000 }));
    const status = () => upstream.instances('embed').find(({ id }) => id === 'a');
    return { clock, network, upstream, load, status };
  };

  it('takes no place, and its time makes nobody slow', async () => {
    const { clock, network, upstream, load, status } = setUp();
    network.script('a:1', ({ method }) => ({ afterMs: method.endsWith('/Load') ? 20_000 : 5 }));
    const loading = load();
    await clock.advance(1_000);
    const call = upstream.unary(testCall(clock));
    await clock.advance(10);
    assert.ok(await call);
    await clock.advance(20_000);
    assert.equal((await loading).instance, 'a');
    assert.ok((status()?.latencyMs ?? 0) < 10);
    await upstream.close();
  });

  it('ends soon where the instance has stopped answering', async () => {
    const { clock, network, load, upstream } = setUp();
    network.script('a:1', () => ({ afterMs: Number.POSITIVE_INFINITY }));
    network.health('a:1', 'silent');
    const outcome = assert.rejects(load(), { code: 'UPSTREAM_UNREACHABLE' });
    await clock.advance(2_000);
    await outcome;
    await upstream.close();
  });
});

describe('following the registry', () => {
  const setUp = (settings: Partial<UpstreamSettings> = {}) => {
    const clock = createVirtualClock();
    const network = createFakeNetwork(clock);
    const registry = createFakeRegistry([testInstance('a'), testInstance('b')]);
    const upstream = createUpstream({
      registry,
      settings: testUpstreamSettings(settings),
      clock,
      random: seeded(3),
      connect: network.connect,
    });
    const ids = (): string[] => upstream.instances('embed').map(({ id, state }) => `${id} ${state}`);
    return { clock, network, registry, upstream, ids };
  };

  it('takes in who comes and lets go who leaves, after its calls', async () => {
    const { clock, network, registry, upstream, ids } = setUp();
    network.script('a:1', () => ({ afterMs: 500 }));
    network.script('b:1', () => ({ afterMs: 500 }));
    const calls = Promise.all(Array.from({ length: 4 }, () => upstream.unary(testCall(clock))));
    await clock.advance(100);
    registry.set('embed', [testInstance('b'), testInstance('c')]);
    assert.deepEqual(ids(), ['b serving', 'c serving']);
    await clock.advance(1_000);
    assert.equal((await calls).length, 4);
    await upstream.close();
    assert.equal(network.connections, 0);
  });

  it('follows an instance to its new address', async () => {
    const { clock, network, registry, upstream } = setUp();
    registry.set('embed', [testInstance('a', { address: 'moved:1' })]);
    const call = upstream.unary(testCall(clock));
    await clock.advance(100);
    await call;
    assert.equal(network.sent[0]?.address, 'moved:1');
    await upstream.close();
  });

  it('believes it where that is asked for', async () => {
    const { registry, upstream, ids } = setUp({ keepOnEmpty: false });
    registry.set('embed', []);
    assert.deepEqual(ids(), []);
    assert.equal(upstream.counters().embed?.emptyRegistryRefused, 0);
    await upstream.close();
  });

  it('does not believe a registry that suddenly knows nobody, while they answer', async () => {
    const { clock, network, registry, upstream, ids } = setUp();
    await clock.advance(2_000);
    registry.set('embed', []);
    assert.equal(ids().length, 2);
    const call = upstream.unary(testCall(clock));
    await clock.advance(100);
    await call;
    network.health('a:1', 'refused');
    await clock.advance(1_500);
    assert.deepEqual(ids(), ['b serving'], 'who is gone in fact goes');
    assert.equal(upstream.counters().embed?.emptyRegistryRefused, 1);
    registry.set('embed', [testInstance('c')]);
    assert.deepEqual(ids(), ['c serving']);
    await upstream.close();
  });
});
