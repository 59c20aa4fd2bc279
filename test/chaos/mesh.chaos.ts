/** What happens around the instances: the registry, the line, the gateway itself. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../chassis/clock.js';
import { createUpstream } from '../../gateway/upstream/index.js';
import { CAPACITY, type Mesh, printSeen, seen, startMesh, WORK } from '../kit/chaos.js';
import { lost, openLoop, outcomes, quantileMs } from '../kit/open-loop.js';
import { startTcpProxy } from '../kit/tcp-proxy.js';
import { createFakeRegistry, testCall, testInstance, testUpstreamSettings, textRequest } from '../kit/upstream.js';
import { startTestInstance } from '../kit/upstream-instance.js';
import { startGatewayProcess, startTestProcess, type TestProcess } from '../kit/upstream-process.js';

const INSTANCES = 2;
const RATE = INSTANCES * CAPACITY * 0.6;

describe('chaos: around the instances', function () {
  this.timeout(120_000);
  after(printSeen);

  it('a registry that is away, answers an empty list, then half of the list, loses nothing', async () => {
    const mesh: Mesh = await startMesh(INSTANCES);
    await mesh.load(RATE, 2).done;
    const all = mesh.processes.map(({ instance }) => instance);
    const load = mesh.load(RATE, 7);
    for (const list of [[], all, all.slice(0, 1), [], all]) {
      await sleep(1_000);
      mesh.registry.set('embed', list);
    }
    const samples = await load.done;
    await mesh.close();
    seen('registry: empty list, back, half, empty, back (the real Consul is in test/registry)', outcomes(samples));
    assert.deepEqual(lost(samples), []);
  });

  it('a reset at every byte offset of a connection, there or back, gives no wrong answer and no hang', async () => {
    const instance = await startTestInstance('embed-1', { conduct: { workMs: 0 } });
    const proxy = await startTcpProxy(`127.0.0.1:${instance.port}`);
    const settings = testUpstreamSettings({ pulse: false, eject: false, breaker: false, retry: false, hedge: false });
    const codes: string[] = [];
    let latestMs = 0;
    const held = monitorEventLoopDelay({ resolution: 1 });
    held.enable();
    const offsets = Array.from({ length: 401 }, (_, bytes) => bytes);
    for (const faults of offsets.flatMap((bytes) => [{ resetAfterBytes: bytes }, { resetAfterSentBytes: bytes }])) {
      proxy.faults = faults;
      held.reset();
      const upstream = createUpstream({
        registry: createFakeRegistry([testInstance('embed-1', { address: proxy.address })]),
        settings,
        clock: systemClock,
        random: Math.random,
      });
      const request = textRequest(`reset ${codes.length}`);
      const deadlineMs = Date.now() + 1_000;
      const code = await upstream.unary(testCall(systemClock, { request, deadlineMs })).then(
        ({ response }) => (response.equals(request) ? 'OK' : 'WRONG_ANSWER'),
        (error: { code: string }) => error.code,
      );
      // What the process itself was held up for meanwhile is the machine's.
      latestMs = Math.max(latestMs, Date.now() - deadlineMs - held.max / 1e6);
      codes.push(code);
      await upstream.close();
    }
    held.disable();
    await proxy.close();
    await instance.stop(0);
    const samples = codes.map((code) => ({
      dueMs: 0,
      ms: 0,
      instance: undefined,
      code: code === 'OK' ? undefined : code,
    }));
    seen(
      'reset at each of the first 400 bytes, there and back',
      `${outcomes(samples)}; latest end ${latestMs.toFixed(0)} ms after the deadline, less what this process was held up for`,
    );
    assert.ok(!codes.includes('WRONG_ANSWER'));
    assert.ok(latestMs <= 50, `${latestMs} ms`);
  });

  it('jitter and slicing lose nothing', async () => {
    const processes = await Promise.all(['embed-1', 'embed-2'].map((id) => startTestProcess(id, WORK)));
    const proxies = await Promise.all(
      processes.map(({ instance }) => startTcpProxy(instance.address, { sliceBytes: 11, jitterMs: 3 })),
    );
    const upstream = createUpstream({
      registry: createFakeRegistry(
        proxies.map(({ address }, index) => testInstance(`embed-${index + 1}`, { address })),
      ),
      settings: testUpstreamSettings(),
      clock: systemClock,
      random: Math.random,
    });
    const samples = await openLoop(
      async () => (await upstream.unary(testCall(systemClock, { deadlineMs: Date.now() + 3_000 }))).instance,
      { perSecond: RATE, seconds: 5 },
    ).done;
    await upstream.close();
    await Promise.all([
      ...proxies.map((proxy) => proxy.close()),
      ...processes.map((process) => process.signal('SIGKILL')),
    ]);
    seen(
      'slices of 11 bytes, jitter of 3 ms each',
      `${outcomes(samples)}, p99 ${quantileMs(samples, 0.99).toFixed(0)} ms`,
    );
    assert.deepEqual(lost(samples), []);
  });

  it('a gateway that restarts beside another loses nothing', async () => {
    const instances = await Promise.all(['embed-1', 'embed-2'].map((id) => startTestProcess(id, WORK)));
    const gateways: TestProcess[] = await Promise.all(
      ['gateway-1', 'gateway-2'].map((id) =>
        startGatewayProcess(
          id,
          instances.map(({ instance }) => instance),
        ),
      ),
    );
    // The caller is a client with the same stack, the gateways being its instances.
    const client = createUpstream({
      registry: createFakeRegistry(gateways.map(({ instance }) => instance)),
      settings: testUpstreamSettings(),
      clock: systemClock,
      random: Math.random,
    });
    let calls = 0;
    const call = async (): Promise<string> => {
      const request = textRequest(`call ${calls++}`);
      const { response, instance } = await client.unary(
        testCall(systemClock, { request, deadlineMs: Date.now() + 3_000 }),
      );
      assert.deepEqual(response, request);
      return instance;
    };
    await openLoop(call, { perSecond: RATE, seconds: 2 }).done;
    const load = openLoop(call, { perSecond: RATE, seconds: 8 });
    await sleep(1_000);
    await gateways[0]?.signal('SIGTERM');
    await gateways[0]?.restart();
    await sleep(1_000);
    await gateways[1]?.signal('SIGKILL');
    await gateways[1]?.restart();
    const samples = await load.done;
    await client.close();
    await Promise.all([...gateways, ...instances].map((process) => process.signal('SIGKILL')));
    seen(
      'one of two gateways restarts (SIGTERM), then the other (kill -9)',
      `${outcomes(samples)}, p99 ${quantileMs(samples, 0.99).toFixed(0)} ms`,
    );
    assert.deepEqual(lost(samples), []);
  });
});
