/** Prompts on real graphs: read in parts to the same logits, and how many steps a newcomer's first token takes. */
import assert from 'node:assert/strict';
import { openCausal } from '../../../inference/generate/causal.js';
import { createEngine, type EngineEvent } from '../../../inference/generate/engine.js';
import type { Graph } from '../../../inference/generate/graph.js';
import { resolveParameters } from '../../../inference/generate/parameters.js';
import { openSeq2Seq } from '../../../inference/generate/seq2seq.js';
import { sharedOrSkip } from '../../kit/shared.js';
import { fixtureFolder, modelOf } from './models.js';

const prompt = (tokens: number): number[] => Array.from({ length: tokens }, (_, at) => 6 + ((at * 7) % 30));
const files = (folder: string, precision = 'fp32') => ({ folder, precision, threads: 1 });

describe('prompts of decoder-only models', () => {
  for (const name of ['llama', 'llama-fp16', 'gpt2']) {
    it(`are read in parts to what they give read whole: ${name}`, async () => {
      const graph = await openCausal(files(fixtureFolder(name), name.endsWith('fp16') ? 'fp16' : 'fp32'));
      try {
        assert.equal(graph.reads, 'in parts');
        const prompts = [prompt(70), prompt(9)];
        const whole = await graph.prefill(prompts);
        let pauses = 0;
        const parts = await graph.prefill(prompts, async () => void pauses++);
        assert.equal(pauses, 2); // 64 tokens at a time: 32 columns of two rows
        assert.deepEqual([parts.cache.length, parts.cache.lengths], [whole.cache.length, whole.cache.lengths]);
        const tolerance = name.endsWith('fp16') ? 2e-2 : 1e-4;
        for (const row of [0, 1]) {
          const [wanted, found] = [whole.logits?.row(row), parts.logits?.row(row)] as [Float32Array, Float32Array];
          const far = wanted.findIndex((value, id) => !(Math.abs(value - (found[id] as number)) < tolerance));
          assert.equal(far, -1, `row ${row}: ${wanted[far]} is not ${found[far]}`);
        }
      } finally {
        await graph.close();
      }
    });
  }
});

describe('the first token', () => {
  /** Steps that are begun or under way between a short job's coming and its first token, behind one that writes 512. */
  const stepsUntilFirst = async (graph: Graph, startId: number | undefined, tokens: number): Promise<number> => {
    const model = modelOf(graph.vocabSize, { seq2seq: startId !== undefined, decoderStartTokenId: startId ?? 0 });
    let steps = 0;
    let before = 0;
    let taken = 0;
    const counted: Graph = {
      ...graph,
      step(cache, next, wanted) {
        steps++;
        return graph.step(cache, next, wanted);
      },
    };
    const submit = (id: number, input: number[], newTokens: number): void => {
      const given = { maxNewTokens: newTokens, minNewTokens: newTokens };
      engine.submit({
        id,
        caller: id,
        tenant: 'one',
        criticality: 'default',
        input,
        given: resolveParameters(given, model, input.length, 600, () => 0),
        stream: true,
      });
    };
    const hear = ({ at, id }: EngineEvent): void => {
      if (at === 'token' && id === 1 && before === 0) {
        before = steps;
        submit(2, prompt(tokens), 2);
      }
      if (at === 'token' && id === 2 && taken === 0) {
        taken = steps - before;
        engine.cancel(1);
      }
    };
    const engine = createEngine({
      graph: counted,
      startId,
      limits: {
        rowsMax: 8,
        cacheBytesMax: 2 ** 30,
        promptTokensMax: 1_024,
        paddingMax: 1_000,
        sliceSteps: 64,
        tenantsMax: 8,
        tenantShares: new Map(),
      },
      emit: (events) => events.forEach(hear),
      nowMs: () => 0,
    });
    submit(1, prompt(5), 512);
    try {
      await engine.idle();
    } finally {
      await graph.close();
    }
    return taken;
  };
  const lost = (reason: string): never => assert.fail(reason);

  for (const tokens of [2, 128]) {
    it(`of a prompt of ${tokens} tokens comes within 3 steps: an encoder-decoder`, async () => {
      const graph = await openSeq2Seq(files(fixtureFolder('t5')), 0, 0, lost);
      assert.equal(graph.reads, 'apart');
      const steps = await stepsUntilFirst(graph, 0, tokens);
      assert.ok(steps >= 1 && steps <= 3, `${steps} steps`);
    });

    it(`of a prompt of ${tokens} tokens comes within 3 steps: a decoder-only model`, async () => {
      const steps = await stepsUntilFirst(await openCausal(files(fixtureFolder('llama'))), undefined, tokens);
      assert.ok(steps >= 0 && steps <= 3, `${steps} steps`);
    });
  }

  it('of 128 tokens comes within 3 steps: tiny-t5-lead', async function () {
    const folder = sharedOrSkip(this, 'models/tiny-t5-lead');
    const steps = await stepsUntilFirst(await openSeq2Seq(files(folder, 'int8'), 0, 0, lost), 0, 128);
    assert.ok(steps >= 1 && steps <= 3, `${steps} steps`);
  });

  it('of a long prompt comes after its parts, a step of the others between two: a decoder-only model', async () => {
    const steps = await stepsUntilFirst(await openCausal(files(fixtureFolder('llama'))), undefined, 320);
    assert.ok(steps >= 4 && steps <= 6, `${steps} steps beside 5 parts`);
  });
});
