/** Token for token what Python transformers generates on the same files: reference.py wrote what must come out. */
import assert from 'node:assert/strict';
import type { GeneratorModel } from '../../../inference/generate/index.js';
import { sharedOrSkip } from '../../kit/shared.js';
import { mismatches } from './compare.js';
import { open, openFixture, readCases, stored } from './models.js';

const FIXTURES = [
  't5',
  't5-fp16',
  't5-merged',
  'bart',
  'bart-fp16',
  'marian',
  'pegasus',
  'llama',
  'llama-fp16',
  'gpt2',
];
/** Eight-bit kernels differ between versions and processors of onnxruntime by more than 32-bit ones. */
const SHARED = [
  { name: 'tiny-t5-lead', precision: 'int8', maxTokens: 96, tolerance: 0.05 },
  { name: 'tinyllama-stories260K', precision: 'fp32', maxTokens: 512, tolerance: 1e-3 },
] as const;

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

  it('decodes t5-merged-int8 to the same ids, one at a time: a batch is quantized by one scale', async () => {
    const model = await openFixture('t5-merged-int8');
    try {
      assert.equal(model.ragged, true, model.description);
      assert.deepEqual(await mismatches(model, readCases('fixtures/t5-merged-int8/expected.json'), false, 0.05), []);
    } finally {
      await model.close();
    }
  });

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
