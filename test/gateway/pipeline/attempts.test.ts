/** Pipelines over the real upstream stack: what a step reports is what was sent. */
import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { createUpstream } from '../../../gateway/upstream/index.js';
import { createVirtualClock } from '../../kit/clock.js';
import {
  createFakeNetwork,
  createFakeRegistry,
  seeded,
  testInstance,
  testUpstreamSettings,
} from '../../kit/upstream.js';
import { planOf, run } from './kit.js';

describe('attempts of a failed step', () => {
  for (const [call, code, attempts] of [
    ['embed.Embed', 'UPSTREAM_UNREACHABLE', 3],
    ['embed.Embed', 'INTERNAL', 1],
    ['summarize.SummarizeStream', 'UPSTREAM_UNREACHABLE', 3],
    ['classify.Classify', 'NO_INSTANCE', 0],
  ] as const) {
    it(`are ${attempts} where ${call} fails with ${code}`, async () => {
      const clock = createVirtualClock();
      const network = createFakeNetwork(clock);
      const instances = ['embed', 'summarize'].flatMap((capability) =>
        [1, 2, 3].map((each) => testInstance(`${capability}-${each}`, { capability })),
      );
      for (const { address } of instances)
        network.script(address, () => ({ afterMs: 1, error: new MeshError(code, 'scripted') }));
      const upstream = createUpstream({
        registry: createFakeRegistry(instances),
        settings: testUpstreamSettings(),
        clock,
        random: seeded(1),
        connect: network.connect,
      });
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
