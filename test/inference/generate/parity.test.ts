/** Token for token what Python transformers generates on the same files: reference.py wrote what must come out. */
import assert from 'node:assert/strict';
import type { GeneratorModel } from '../../../inference/generate/index.js';
import { sharedOrSkip } from '../../kit/shared.js';
import { type Case, open, openFixture, parametersOf, readCases, stored, unhurried } from './models.js';

const FIXTURES = ['t5', 't5-merged', 'bart', 'marian', 'pegasus', 'llama', 'llama-fp16', 'gpt2'];
/** Eight-bit kernels differ between versions and processors of onnxruntime by more than 32-bit ones. */
const SHARED = [
  { name: 'tiny-t5-lead', precision: 'int8', maxTokens: 96, tolerance: 0.05 },
  { name: 'tinyllama-stories260K', precision: 'fp32', maxTokens: 512, tolerance: 1e-3 },
] as const;

/** What differs from the reference, as text; empty where nothing does. */
async function mismatches(
  model: GeneratorModel,
  cases: readonly Case[],
  together: boolean,
  tolerance = 1e-3,
): Promise<string[]> {
  const decode = async ({ ids, parameters, results }: Case): Promise<string | undefined> => {
    const given = { ...parametersOf(parameters), returnLogprobs: true };
    const { results: found } = await model.generate(ids, given, unhurried());
    const label = `${JSON.stringify(parameters)} of ${ids.length} tokens`;
    for (const [index, wanted] of results.entries()) {
      const got = found[index];
      if (got?.ids.join() !== wanted.ids.join()) return `${label}: ${got?.ids} is not ${wanted.ids}`;
      if (!(Math.abs((got.score ?? Number.NaN) - wanted.score) <= tolerance * (1 + Math.abs(wanted.score))))
        return `${label}: score ${got.score} is not ${wanted.score}`;
      const far = wanted.logprobs.findIndex(
        (value, place) => !(Math.abs(value - (got.logprobs[place] as number)) < 2 * tolerance),
      );
      if (far >= 0) return `${label}: log-probability ${far} is ${got.logprobs[far]}, not ${wanted.logprobs[far]}`;
    }
    return found.length === results.length ? undefined : `${label}: ${found.length} results`;
  };
  const found: (string | undefined)[] = [];
  if (together) found.push(...(await Promise.all(cases.map(decode))));
  else for (const each of cases) found.push(await decode(each));
  return found.filter((each) => each !== undefined);
}

describe('generation against transformers', () => {
  for (const name of FIXTURES) {
    describe(name, () => {
      let model: GeneratorModel;
      before(async () => {
        model = await openFixture(name);
      });
      after(() => model.close());

      it('decodes every case to the same ids, scores and log-probabilities, all callers sharing steps', async () => {
        assert.deepEqual(await mismatches(model, readCases(`fixtures/${name}/expected.json`), true), []);
      });

      it('decodes the same one at a time (every fourth case)', async () => {
        const cases = readCases(`fixtures/${name}/expected.json`).filter((_each, index) => index % 4 === 1);
        assert.deepEqual(await mismatches(model, cases, false), []);
      });

      it('lets rows of different age share a step', () => {
        assert.equal(model.ragged, true, model.description);
      });
    });
  }

  for (const { name, tolerance, ...change } of SHARED) {
    it(`decodes ${name} to the same ids`, async function () {
      const model = await open(stored(name, sharedOrSkip(this, `models/${name}`), change));
      try {
        assert.deepEqual(await mismatches(model, readCases(`reference/${name}.json`), false, tolerance), []);
      } finally {
        await model.close();
      }
    });
  }
});
