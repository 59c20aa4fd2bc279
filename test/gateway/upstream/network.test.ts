/** The upstream over a line that misbehaves, through a TCP proxy that resets, slices, delays and swallows. */
import assert from 'node:assert/strict';
import { systemClock } from '../../../chassis/clock.js';
import { MeshError } from '../../../chassis/errors.js';
import { createUpstream, type Upstream, type UpstreamSettings } from '../../../gateway/upstream/index.js';
import { type Faults, startTcpProxy, type TcpProxy } from '../../kit/tcp-proxy.js';
import { createFakeRegistry, testCall, testInstance, testUpstreamSettings, textRequest } from '../../kit/upstream.js';
import { startTestInstance, type TestInstance } from '../../kit/upstream-instance.js';

describe('the upstream over a bad line', function () {
  this.timeout(60_000);
  let instance: TestInstance;
  const proxies: TcpProxy[] = [];
  let upstream: Upstream;
  /** Late by more than this is a hang; wide, since the machine may be busy. */
  const GRACE_MS = 1_500;

  before(async () => {
    instance = await startTestInstance('embed-1', { conduct: { workMs: 1 } });
  });
  after(() => instance.stop(0));
  afterEach(async () => {
    await upstream.close();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  const build = async (faults: readonly Faults[], settings: Partial<UpstreamSettings> = {}): Promise<void> => {
    proxies.push(...(await Promise.all(faults.map((each) => startTcpProxy(`127.0.0.1:${instance.port}`, each)))));
    const registry = createFakeRegistry(
      proxies.map(({ address }, index) => testInstance(`embed-${index + 1}`, { address })),
    );
    upstream = createUpstream({
      registry,
      settings: testUpstreamSettings(settings),
      clock: systemClock,
      random: Math.random,
    });
  };
  /** "OK" or the error's code; fails on a wrong answer or a hang. */
  const call = async (text: string, deadlineMs = 1_000): Promise<string> => {
    const startedMs = performance.now();
    const request = textRequest(text);
    const outcome = await upstream.unary(testCall(systemClock, { request, deadlineMs: Date.now() + deadlineMs })).then(
      ({ response }) => (response.equals(request) ? 'OK' : 'WRONG'),
      (error) => (error instanceof MeshError ? error.code : `FOREIGN ${error}`),
    );
    assert.ok(performance.now() - startedMs < deadlineMs + GRACE_MS, 'hangs past its deadline');
    return outcome;
  };

  it('never gives a wrong answer and never hangs when the line breaks at any byte of an answer', async () => {
    await build([{}], { pulse: false, eject: false, breaker: false, retry: false, hedge: false });
    const proxy = proxies[0] as TcpProxy;
    const seen = new Set<string>();
    for (let bytes = 0; bytes <= 400; bytes += bytes < 120 ? 3 : 20) {
      proxy.faults = { resetAfterBytes: bytes };
      const outcome = await call(`reset at ${bytes}`);
      seen.add(outcome);
      assert.ok(['OK', 'UPSTREAM_UNREACHABLE', 'DEADLINE_EXCEEDED'].includes(outcome), outcome);
      proxy.faults = { resetAfterBytes: 0 }; // whatever connection is left breaks now
      await call('ends the connection', 200);
      proxy.faults = {};
      await call('the line is whole again', 2_000);
    }
    assert.ok(seen.has('UPSTREAM_UNREACHABLE'), 'some offsets break the answer');
  });

  it('is answered by another instance when the line to one breaks at any byte', async () => {
    await build([{}, {}]);
    for (let bytes = 10; bytes <= 400; bytes += 30) {
      (proxies[0] as TcpProxy).faults = { resetAfterBytes: bytes };
      assert.equal(await call(`reset at ${bytes}`, 3_000), 'OK');
    }
  });

  it('understands a stream cut into single bytes, delayed and jittered', async () => {
    for (const faults of [
      { sliceBytes: 1 },
      { sliceBytes: 7, jitterMs: 2 },
      { delayMs: 20, jitterMs: 20 },
    ] satisfies Faults[]) {
      await build([faults]);
      assert.deepEqual(new Set(await Promise.all(['a', 'b', 'c'].map((text) => call(text, 15_000)))), new Set(['OK']));
      await upstream.close();
    }
  });

  it('ends at the deadline on a line that swallows everything, and takes the instance out', async () => {
    await build([{ blackHole: true }]);
    assert.equal(await call('swallowed', 700), 'DEADLINE_EXCEEDED');
    assert.equal(upstream.instances('embed')[0]?.state, 'silent');
  });

  it('goes round a line that swallows everything', async () => {
    await build([{ blackHole: true }, {}]);
    assert.deepEqual(
      new Set(await Promise.all(Array.from({ length: 10 }, (_, index) => call(`round ${index}`, 10_000)))),
      new Set(['OK']),
    );
  });
});
