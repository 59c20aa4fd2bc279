/** Pipelines over the real upstream stack: what a step reports is what was sent. */
import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { createUpstream, type UpstreamSettings } from '../../../gateway/upstream/index.js';
import { createVirtualClock } from '../../kit/clock.js';
import {
  createFakeNetwork,
  createFakeRegistry,
  seeded,
  testInstance,
  testUpstreamSettings,
} from '../../kit/upstream.js';
import { planOf, run } from './kit.js';

const three = (capability: string) => [1, 2, 3].map((each) => testInstance(`${capability}-${each}`, { capability }));

function meshOf(settings: Partial<UpstreamSettings> = {}) {
  const clock = createVirtualClock();
  const network = createFakeNetwork(clock);
  const instances = ['embed', 'summarize'].flatMap(three);
  const upstream = createUpstream({
    registry: createFakeRegistry(instances),
    settings: testUpstreamSettings(settings),
    clock,
    random: seeded(1),
    connect: network.connect,
  });
  return { clock, network, upstream, addresses: instances.map(({ address }) => address) };
}

/** A pipeline of one embed.Embed, with these options; its request is an answer too, since the network echoes. */
const embedding = (more: string) =>
  planOf(
    `name: t\nversion: "1"\nsteps:\n  a:\n    call: embed.Embed\n    with: {texts: [""]}\n${more}output: {x: "\${has(steps.a)}"}`,
  );

describe('retries and hedges of a step', () => {
  it('draw on the budget of the upstream stack', async () => {
    const { clock, network, upstream, addresses } = meshOf({
      attemptsMax: 1,
      retryPercent: 20,
      retryPerSecond: 1,
      throttle: false,
      breaker: false,
      eject: false,
    });
    for (const address of addresses)
      network.script(address, () => ({ afterMs: 1, error: new MeshError('QUEUE_FULL', 'scripted') }));
    const plan = embedding('    retry: {attempts: 5, backoff: 1ms}\n    optional: true\n');
    const runs = Array.from({ length: 100 }, () => run(plan, upstream, {}, { clock }));
    await clock.advance(3_000);
    const done = await Promise.all(runs);
    assert.equal(network.sent.length, 100 + 100 * 0.2 + 10);
    assert.equal(
      done.reduce((sum, { result }) => sum + (result.reports[0]?.attempts ?? 0), 0),
      network.sent.length,
    );
    for (const { result } of done)
      assert.equal(result.reports[0]?.problem?.code, 'QUEUE_FULL', 'and not that the budget is spent');
    await upstream.close();
  });

  it('go to instances that were not tried', async () => {
    for (const [more, afterMs] of [
      ['    retry: {attempts: 3, backoff: 1ms}\n', 1],
      ['    hedge: 20ms\n    optional: true\n', 100],
    ] as const) {
      const { clock, network, upstream, addresses } = meshOf({ attemptsMax: 1, hedge: false });
      let failures = 0;
      for (const address of addresses)
        network.script(address, () =>
          ++failures < 3 ? { afterMs, error: new MeshError('UPSTREAM_UNREACHABLE', 'scripted') } : { afterMs: 1 },
        );
      const running = run(embedding(more), upstream, {}, { clock });
      await clock.advance(3_000);
      await running;
      const tried = network.sent.map(({ address }) => address);
      assert.ok(tried.length > 1);
      assert.equal(new Set(tried).size, tried.length, more);
      await upstream.close();
    }
  });

  it('send a request that broke two instances to no third', async () => {
    const { clock, network, upstream, addresses } = meshOf({ attemptsMax: 1 });
    for (const address of addresses)
      network.script(address, () => ({ afterMs: 1, error: new MeshError('WORKER_LOST', 'scripted') }));
    const plan = embedding('    retry: {attempts: 5, backoff: 1ms}\n    optional: true\n');
    const running = run(plan, upstream, {}, { clock });
    await clock.advance(3_000);
    const [report] = (await running).result.reports;
    assert.deepEqual([report?.attempts, report?.problem?.message], [2, 'scripted']);
    await upstream.close();
  });

  it('hedge past the cache, which keeps the answer of either', async () => {
    const { clock, network, upstream, addresses } = meshOf();
    let calls = 0;
    for (const address of addresses)
      network.script(address, () => ({ afterMs: ++calls === 1 ? Number.POSITIVE_INFINITY : 1 }));
    const plan = embedding('    hedge: 20ms\n    cache: 1m\n');
    const first = run(plan, upstream, {}, { clock });
    await clock.advance(30);
    assert.deepEqual((await first).output, { x: true });
    const { result } = await run(plan, upstream, {}, { clock });
    assert.deepEqual([result.reports[0]?.cached, network.sent.length], [true, 2]);
    await upstream.close();
  });

  it('do not wait where the wait does not fit the time of the step', async () => {
    const { clock, upstream } = meshOf();
    const plan = planOf(
      'name: t\nversion: "1"\nsteps:\n  a:\n    call: classify.Classify\n    with: {texts: ["a"]}\n    retry: 3\n    timeout: 700ms\n    optional: true\noutput: {x: "${has(steps.a)}"}',
    );
    const running = run(plan, upstream, {}, { clock });
    await clock.advance(10_000);
    const [report] = (await running).result.reports;
    assert.equal(report?.problem?.code, 'NO_INSTANCE', 'which says to come back after 1,000 ms');
    assert.ok((report?.durationMs ?? 0) < 600, `${report?.durationMs} ms: what stands in begins at once`);
    await upstream.close();
  });
});

describe('attempts of a failed step', () => {
  for (const [call, code, attempts] of [
    ['embed.Embed', 'UPSTREAM_UNREACHABLE', 3],
    ['embed.Embed', 'INTERNAL', 1],
    ['summarize.SummarizeStream', 'UPSTREAM_UNREACHABLE', 3],
    ['classify.Classify', 'NO_INSTANCE', 0],
  ] as const) {
    it(`are ${attempts} where ${call} fails with ${code}`, async () => {
      const { clock, network, upstream, addresses } = meshOf();
      for (const address of addresses)
        network.script(address, () => ({ afterMs: 1, error: new MeshError(code, 'scripted') }));
      const field = call === 'summarize.SummarizeStream' ? 'text: "a"' : 'texts: ["a"]';
      const plan = planOf(
        `name: t\nversion: "1"\nsteps:\n  a:\n    call: ${call}\n    with: {${field}}\n    optional: true\noutput: {x: "\${has(steps.a)}"}`,
      );
      const running = run(plan, upstream, {}, { clock });
      await clock.advance(3_000);
      const { result, outcomes } = await running;
      assert.deepEqual(outcomes, { a: 'FAILED' });
      assert.equal(result.reports[0]?.attempts, attempts);
      assert.equal(network.sent.length, attempts);
      await upstream.close();
    });
  }
});
