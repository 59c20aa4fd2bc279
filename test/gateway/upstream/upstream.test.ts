import assert from 'node:assert/strict';
import { systemClock } from '../../../chassis/clock.js';
import { MeshError } from '../../../chassis/errors.js';
import { createUpstream, type Upstream } from '../../../gateway/upstream/index.js';
import type { Instance } from '../../../registry/registry.js';
import { createFakeRegistry, testCall, testUpstreamSettings, textRequest } from '../../kit/upstream.js';
import { startTestInstance, type TestInstance } from '../../kit/upstream-instance.js';
import { startTestProcess, type TestProcess } from '../../kit/upstream-process.js';

const clock = systemClock;

describe('the upstream over real servers', () => {
  const running: TestInstance[] = [];
  const processes: TestProcess[] = [];
  let upstream: Upstream | undefined;

  const build = (instances: readonly Instance[], changes: Parameters<typeof testUpstreamSettings>[0] = {}) => {
    const registry = createFakeRegistry(instances);
    upstream = createUpstream({ registry, settings: testUpstreamSettings(changes), clock, random: Math.random });
    return { upstream, registry };
  };
  const start = async (id: string, conduct = {}): Promise<Instance> => {
    const instance = await startTestInstance(id, { conduct });
    running.push(instance);
    return {
      id,
      capability: 'embed',
      address: `127.0.0.1:${instance.port}`,
      version: '0',
      zone: '',
      models: ['m@1'],
      weight: 1,
    };
  };

  afterEach(async () => {
    await upstream?.close();
    upstream = undefined;
    await Promise.all(running.splice(0).map((each) => each.stop(0)));
    await Promise.all(processes.splice(0).map((each) => each.signal('SIGKILL')));
  });

  it('answers with the bytes, trailers and name of the instance', async () => {
    const { upstream } = build([await start('embed-1')]);
    const answer = await upstream.unary(testCall(clock, { request: textRequest('A') }));
    assert.deepEqual(answer.response, textRequest('A'));
    assert.equal(answer.instance, 'embed-1');
    assert.equal(answer.attempts, 1);
    assert.equal(answer.cached, false);
    assert.equal(answer.trailers['x-test-instance'], 'embed-1');
  });

  for (const transport of ['http2', 'grpc-js'] as const) {
    it(`hears over ${transport} what an instance says of its queue, and not where that is switched off`, async () => {
      const instances = [await start('embed-1', { reportedQueueMs: 800 }), await start('embed-2')];
      for (const loadReports of [true, false]) {
        const { upstream } = build(instances, { transport, loadReports, balance: 'random' });
        for (let each = 0; each < 20; each++) await upstream.unary(testCall(clock));
        const [busy, idle] = upstream.instances('embed').map(({ queueMs }) => queueMs);
        assert.equal((busy ?? 0) > 0, loadReports, `${busy} ms`);
        assert.equal(idle, 0);
        assert.equal((upstream.counters().embed?.loadReports ?? 0) > 0, loadReports);
        await upstream.close();
      }
    });
  }

  it('spreads calls over the instances', async () => {
    const { upstream } = build([await start('embed-1'), await start('embed-2')]);
    await Promise.all(Array.from({ length: 100 }, () => upstream.unary(testCall(clock))));
    for (const { attempts } of upstream.instances('embed')) assert.ok(attempts >= 20, `${attempts} of 100`);
  });

  it('relays a bidi stream and says who answered', async () => {
    const { upstream } = build([await start('embed-1')]);
    async function* requests() {
      yield textRequest('a');
      yield textRequest('b');
    }
    const { request, idempotent, ...call } = testCall(clock);
    const stream = upstream.bidi({ ...call, method: 'plexus.v1.Embed/EmbedStream', requests: requests() });
    const got: string[] = [];
    for await (const message of stream) got.push(message.toString('utf8', 2));
    assert.deepEqual(got, ['a', 'b']);
    assert.equal(stream.instance, 'embed-1');
    assert.ok(stream.trailers['x-request-id']);
    assert.equal(upstream.instances('embed')[0]?.inFlight, 0);
  });

  it('passes an error about the request on as it is, once', async () => {
    const { upstream } = build([await start('embed-1'), await start('embed-2')]);
    await assert.rejects(
      upstream.unary(testCall(clock, { method: 'plexus.v1.Embed/Nothing' })),
      (error) => error instanceof MeshError && error.code === 'METHOD_UNKNOWN',
    );
    assert.equal(upstream.counters().embed?.attempts, 1);
  });

  it('cancels the work of a caller who leaves', async () => {
    const { upstream } = build([await start('embed-1', { workMs: 5_000 })]);
    const controller = new AbortController();
    const call = upstream.unary(testCall(clock, { signal: controller.signal }));
    const instance = running[0] as TestInstance;
    while (instance.counts.begun === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new MeshError('CANCELLED', 'gone'));
    await assert.rejects(call, { code: 'CANCELLED' });
    while (instance.counts.stopped === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(instance.counts.answered, 0);
  });

  it('loses no call when one of two processes is killed under load', async function () {
    this.timeout(30_000);
    processes.push(...(await Promise.all([startTestProcess('embed-1'), startTestProcess('embed-2')])));
    const { upstream } = build(processes.map(({ instance }) => instance));
    const lost: unknown[] = [];
    const calls: Promise<unknown>[] = [];
    for (let call = 0; call < 300; call++) {
      // With a burst in the very turn of the kill: nobody can know yet, so that some of it meets the dead process.
      for (let each = 0; each < (call === 100 ? 16 : 1); each++) {
        calls.push(upstream.unary(testCall(clock)).catch((error) => lost.push(error)));
      }
      if (call === 100) void processes[0]?.signal('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await Promise.all(calls);
    assert.deepEqual(lost, []);
    assert.ok((upstream.counters().embed?.retries ?? 0) > 0, 'some calls met the dead process');
    assert.notEqual(upstream.instances('embed').find(({ id }) => id === 'embed-1')?.state, 'serving');
  });

  it('goes on without an instance that is stopped, and uses it again when it continues', async function () {
    this.timeout(30_000);
    processes.push(...(await Promise.all([startTestProcess('embed-1'), startTestProcess('embed-2')])));
    const { upstream } = build(
      processes.map(({ instance }) => instance),
      { slowStartMs: 0 },
    );
    const state = (): string | undefined => upstream.instances('embed').find(({ id }) => id === 'embed-1')?.state;
    for (let call = 0; call < 40; call++) await upstream.unary(testCall(clock));
    await processes[0]?.signal('SIGSTOP');
    await Promise.all(Array.from({ length: 40 }, () => upstream.unary(testCall(clock))));
    while (state() !== 'silent') await new Promise((resolve) => setTimeout(resolve, 20));
    await processes[0]?.signal('SIGCONT');
    while (state() !== 'serving') await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('answers NO_INSTANCE with advice where there is none', async () => {
    const { upstream } = build([]);
    await assert.rejects(
      upstream.unary(testCall(clock)),
      (error) => error instanceof MeshError && error.code === 'NO_INSTANCE' && error.retryAfterMs !== undefined,
    );
  });
});
