/** Too much at once: ten times the capacity, and thousands of callers who leave together. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { CAPACITY, FAULT_SECONDS, type Mesh, printSeen, seen, startMesh, WORK } from '../kit/chaos.js';
import { between, endedBetween, lost, outcomes, quantileMs, type Sample } from '../kit/open-loop.js';
import { testCall } from '../kit/upstream.js';

const INSTANCES = 2;
const RATE = INSTANCES * CAPACITY * 0.6;

describe('chaos: overload', function () {
  this.timeout(120_000);
  let mesh: Mesh;

  beforeEach(async () => {
    mesh = await startMesh(INSTANCES);
    await mesh.load(RATE, 2).done;
  });
  afterEach(() => mesh.close());
  after(printSeen);

  it('ten times the capacity: goodput stays, refusals are fast, and all is well a second after', async () => {
    const perSecond = (samples: readonly Sample[], seconds: number): number =>
      (samples.length - lost(samples).length) / seconds;
    // Half the places: the load generator shares the processors with what it measures.
    await Promise.all(mesh.processes.map((process) => process.tell({ places: WORK.places / 2 })));
    const capacity = (INSTANCES * CAPACITY) / 2;
    // The peak is measured, not computed: just under the capacity.
    const peak = perSecond(await mesh.load(capacity * 0.95, 4, 1_000).done, 4);
    const load = mesh.load(capacity * 0.6, FAULT_SECONDS + 6, 1_000);
    await sleep(1_000);
    load.rate(capacity * 10);
    const fromMs = load.nowMs;
    await sleep(FAULT_SECONDS * 1_000);
    load.rate(capacity * 0.6);
    const toMs = load.nowMs;
    const samples = await load.done;
    // The first second is the change itself.
    const during = between(samples, fromMs + 1_000, toMs);
    const worst = Math.min(
      ...Array.from({ length: FAULT_SECONDS - 1 }, (_, second) =>
        perSecond(endedBetween(samples, fromMs + (second + 1) * 1_000, fromMs + (second + 2) * 1_000), 1),
      ),
    );
    const goodput = perSecond(endedBetween(samples, fromMs + 1_000, toMs), (toMs - fromMs - 1_000) / 1_000);
    const refused = lost(during).filter(({ code }) => code === 'OVERLOADED' || code === 'QUEUE_FULL');
    const quantileOf = (times: readonly number[], share: number): number =>
      [...times].sort((x, y) => x - y)[Math.floor(times.length * share)] ?? 0;
    const fromDue = refused.map(({ ms }) => ms);
    // Gateway and load generator are one process here: what passed before it got to a call at all is the machine's.
    const fromSent = refused.map(({ ms, lateMs = 0 }) => ms - lateMs);
    const refusal99 = quantileOf(fromSent, 0.99);
    const later = between(samples, toMs + 1_000, Number.POSITIVE_INFINITY);
    seen(
      `10 x overload for ${FAULT_SECONDS} s`,
      `goodput ${goodput.toFixed(0)}/s of peak ${peak.toFixed(0)}/s (${((goodput / peak) * 100).toFixed(0)} %, worst second ${worst.toFixed(0)}/s), refusals p50 ${quantileOf(fromSent, 0.5).toFixed(1)} ms, p99 ${refusal99.toFixed(1)} ms (from when the call was due, this process being held up: p50 ${quantileOf(fromDue, 0.5).toFixed(1)} ms, p99 ${quantileOf(fromDue, 0.99).toFixed(1)} ms), from 1 s after: ${outcomes(later)}; during: ${outcomes(during)}`,
    );
    assert.ok(goodput >= peak * 0.9, `${goodput} of ${peak}`);
    assert.ok(worst >= peak * 0.9 - 3, `the worst second: ${worst} of ${peak}`); // a second holds 48 +- 3 answers whoever counts
    assert.ok(refusal99 <= 10, `${refusal99} ms`);
    assert.deepEqual(lost(later), []);
  });

  it('5,000 callers cancel at once: no neighbour is lost, and the work stops', async () => {
    // Room for all of them, so that they are really in flight: what is tested is leaving, not refusing.
    await mesh.close();
    mesh = await startMesh(INSTANCES, { inFlightMax: 6_000, adaptiveLimit: false });
    await Promise.all(mesh.processes.map((process) => process.tell({ queueMax: 500 })));
    await mesh.load(RATE, 2).done;
    const load = mesh.load(RATE, 10);
    const controller = new AbortController();
    const gone: Promise<string>[] = [];
    // They come over a while, since making them all takes the processor from everybody; they leave in one moment.
    while (gone.length < 5_000) {
      for (let each = 0; each < 50; each++) {
        gone.push(
          mesh.upstream
            .unary(
              testCall(systemClock, {
                signal: controller.signal,
                method: 'plexus.v1.Embed/Similarity',
                deadlineMs: Date.now() + 60_000,
              }),
            )
            .then(
              () => 'OK',
              (error: MeshError) => error.code,
            ),
        );
      }
      await sleep(50);
    }
    await sleep(200);
    const connections = mesh.upstream.counters().embed?.connectionsOpened;
    controller.abort(new MeshError('CANCELLED', 'the caller left'));
    const codes = await Promise.all(gone);
    const samples = await load.done;
    const counts = await Promise.all(mesh.processes.map((process) => process.tell({})));
    const cancelled = codes.filter((code) => code === 'CANCELLED').length;
    seen(
      '5,000 callers cancel at once',
      `${cancelled} were in flight and cancelled, over ${connections} connections; neighbours: ${outcomes(samples)}, p99 ${quantileMs(samples, 0.99).toFixed(0)} ms; calls left in the instances: ${counts.reduce((sum, each) => sum + each.begun - each.answered - each.stopped, 0)}`,
    );
    assert.ok(cancelled > 2_000, `${cancelled}`);
    assert.deepEqual(lost(samples), []);
    for (const { begun, answered, stopped } of counts)
      assert.equal(begun, answered + stopped, 'nothing goes on working');
  });
});
