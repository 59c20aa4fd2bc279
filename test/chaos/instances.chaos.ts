/**
 * What happens to instances: killed, restarted, stopped, slow, failing. Open-loop load at 60 % of the capacity of three; the
 * slow one at 60 % of what remains without it, since at 90 % the queues of the other two show in p99 whoever balances.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CAPACITY, FAULT_SECONDS, type Mesh, printSeen, seen, startMesh, WORK } from '../kit/chaos.js';
import { between, lost, outcomes, quantileMs } from '../kit/open-loop.js';

const INSTANCES = 3;
const RATE = INSTANCES * CAPACITY * 0.6;

describe('chaos: instances', function () {
  this.timeout(120_000);
  let mesh: Mesh;
  const extra = (): number => {
    const counters = mesh.upstream.counters().embed;
    return (counters?.retries ?? 0) + (counters?.hedges ?? 0);
  };

  beforeEach(async () => {
    mesh = await startMesh(INSTANCES);
    await mesh.load(RATE, 2).done; // warm: latencies known, connections open
  });
  afterEach(() => mesh.close());
  after(printSeen);

  it('kill -9 loses nothing', async () => {
    const before = extra();
    const load = mesh.load(RATE, 5);
    await sleep(1_500);
    await mesh.process('embed-1').signal('SIGKILL');
    const outMs = await mesh.until('embed-1', (state) => state !== 'serving', 5_000);
    const samples = await load.done;
    seen(
      'kill -9 an instance',
      `${outcomes(samples)}, ${extra() - before} sent again, out of rotation after ${outMs} ms, p99 ${quantileMs(samples, 0.99).toFixed(0)} ms`,
    );
    assert.deepEqual(lost(samples), []);
  });

  it('a rolling SIGTERM restart of all loses nothing', async () => {
    const load = mesh.load(RATE, 9);
    for (const process of mesh.processes) {
      await sleep(500);
      await process.signal('SIGTERM');
      await process.restart();
      await mesh.until(process.instance.id, (state) => state === 'serving', 10_000);
    }
    const restartedMs = load.nowMs;
    const samples = await load.done;
    seen(
      'rolling SIGTERM restart of all',
      `${outcomes(samples)}, ${INSTANCES} restarts in ${(restartedMs / 1_000).toFixed(1)} s`,
    );
    assert.deepEqual(lost(samples), []);
    assert.ok(restartedMs < 9_000, 'the restarts fell into the load');
  });

  it('SIGSTOP loses nothing, is out within 500 ms and back within 5 s', async () => {
    const before = extra();
    const load = mesh.load(RATE, 8);
    await sleep(2_000);
    await mesh.process('embed-1').signal('SIGSTOP');
    const outMs = await mesh.until('embed-1', (state) => state !== 'serving', 5_000);
    await sleep(2_000);
    await mesh.process('embed-1').signal('SIGCONT');
    const backMs = await mesh.until('embed-1', (state) => state === 'serving', 10_000);
    const samples = await load.done;
    const again = ((extra() - before) / samples.length) * 100;
    seen(
      'SIGSTOP an instance',
      `${outcomes(samples)}, ${again.toFixed(1)} % sent twice, out after ${outMs} ms, back ${backMs} ms after SIGCONT`,
    );
    assert.deepEqual(lost(samples), []);
    assert.ok(outMs <= 500, `out after ${outMs} ms`);
    assert.ok(backMs <= 5_000, `back after ${backMs} ms`);
    assert.ok(again <= 5, `${again} % extra`);
  });

  it('an instance 20 times slow does not show in p99 after 2 s', async () => {
    const load = mesh.load((INSTANCES - 1) * CAPACITY * 0.6, 8);
    await sleep(3_000);
    await mesh.process('embed-1').tell({ workMs: WORK.workMs * 20 });
    const slowMs = load.nowMs;
    const samples = await load.done;
    const base = quantileMs(between(samples, 0, slowMs - 500), 0.99);
    const after = between(samples, slowMs + 2_000, Number.POSITIVE_INFINITY);
    const p99 = quantileMs(after, 0.99);
    const share = after.filter(({ instance }) => instance === 'embed-1').length / after.length;
    seen(
      'an instance 20 times slow',
      `p99 ${base.toFixed(0)} ms before, ${p99.toFixed(0)} ms from 2 s on (x ${(p99 / base).toFixed(2)}), its share ${(share * 100).toFixed(1)} %, ${outcomes(samples)}`,
    );
    assert.deepEqual(lost(samples), []);
    assert.ok(p99 <= base * 1.5, `${p99} against ${base}`);
  });

  it('an instance that fails fast gets under 2 % after 1 s', async () => {
    const load = mesh.load(RATE, 6);
    await sleep(1_500);
    await mesh.process('embed-1').tell({ failing: true });
    const failingMs = load.nowMs;
    await sleep(1_000);
    const attempts = (): number[] => mesh.upstream.instances('embed').map((each) => each.attempts);
    const before = attempts();
    const samples = await load.done;
    const sent = attempts().map((count, index) => count - (before[index] ?? 0));
    const share = ((sent[0] ?? 0) / sent.reduce((sum, each) => sum + each, 0)) * 100;
    seen(
      'an instance that fails fast',
      `its share ${share.toFixed(2)} % from 1 s on, ${lost(between(samples, failingMs, Number.POSITIVE_INFINITY)).length} of ${samples.length} lost`,
    );
    assert.ok(share < 2, `${share} %`);
    assert.deepEqual(lost(samples), []);
  });

  it('all instances fail: few extra attempts, and good again within 2 s', async () => {
    const load = mesh.load(RATE, FAULT_SECONDS + 7, 2_000);
    await sleep(1_000);
    const counters = () => ({
      ...(mesh.upstream.counters().embed as NonNullable<ReturnType<typeof mesh.upstream.counters>['embed']>),
    });
    await Promise.all(mesh.processes.map((process) => process.tell({ failing: true })));
    const before = counters();
    await sleep(FAULT_SECONDS * 1_000);
    const after = counters();
    await Promise.all(mesh.processes.map((process) => process.tell({ failing: false })));
    const healedMs = load.nowMs;
    const samples = await load.done;
    const ratio = (after.attempts - before.attempts) / (after.calls - before.calls);
    const healed = between(samples, healedMs + 2_000, Number.POSITIVE_INFINITY);
    const good = (1 - lost(healed).length / healed.length) * 100;
    seen(
      `all instances fail for ${FAULT_SECONDS} s`,
      `attempts ${ratio.toFixed(3)} x calls, ${good.toFixed(1)} % good from 2 s after healing (${outcomes(healed)})`,
    );
    assert.ok(ratio <= 1.2, `${ratio}`);
    assert.ok(good >= 99, `${good} %`);
  });
});
