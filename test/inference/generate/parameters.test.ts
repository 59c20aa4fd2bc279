/** What may be asked of generation, and what the answer says about what may not. */
import assert from 'node:assert/strict';
import {
  type GenerationModel,
  type GenerationParameters,
  resolveParameters,
} from '../../../inference/generate/parameters.js';
import { loopStart } from '../../../inference/generate/repetition.js';
import { createStopCheck } from '../../../inference/generate/stop-check.js';
import { withCode } from '../../kit/model-folder.js';

const T5: GenerationModel = {
  seq2seq: true,
  vocabSize: 100,
  decoderStartTokenId: 0,
  eosTokenIds: [1],
  padTokenId: 0,
  positionsMax: undefined,
  defaults: { maxLength: 60 },
};
const GPT: GenerationModel = { ...T5, seq2seq: false, positionsMax: 128, defaults: {} };
const resolve = (given: GenerationParameters, model = T5, prompt = 1) =>
  resolveParameters(given, model, prompt, 500, () => 9);

const WRONG: [string, GenerationParameters, string][] = [
  ['max_length', { maxLength: 0 }, 'from 1'],
  ['max_length', { maxLength: 1.5 }, 'whole number'],
  ['max_length', { maxLength: 502 }, 'at most 501'],
  ['max_length', { maxLength: 10, maxNewTokens: 10 }, 'together'],
  ['max_new_tokens', { maxNewTokens: 501 }, 'at most 500'],
  ['min_length', { minLength: 80 }, 'max_length \\(60\\)'],
  ['min_new_tokens', { minNewTokens: 10, maxNewTokens: 5 }, 'at most 5'],
  ['num_beams', { numBeams: 65 }, 'from 1 to 64'],
  ['num_return_sequences', { numReturnSequences: 2 }, 'greedy'],
  ['num_return_sequences', { numReturnSequences: 3, numBeams: 2 }, 'num_beams \\(2\\)'],
  ['length_penalty', { lengthPenalty: Number.NaN, numBeams: 2 }, 'is NaN'],
  ['length_penalty', { lengthPenalty: 2 }, 'one beam'],
  ['early_stopping', { earlyStopping: true }, 'one beam'],
  ['repetition_penalty', { repetitionPenalty: 0 }, 'above 0'],
  ['repetition_penalty', { repetitionPenalty: Number.POSITIVE_INFINITY }, 'is Infinity'],
  ['temperature', { doSample: true, temperature: 0 }, 'do_sample'],
  ['temperature', { temperature: 0.7 }, 'without do_sample'],
  ['top_k', { topK: 5 }, 'without do_sample'],
  ['top_p', { doSample: true, topP: 1.1 }, 'from 0 to 1'],
  ['min_p', { doSample: true, minP: -0.1 }, 'from 0 to 1'],
  ['typical_p', { doSample: true, typicalP: 0 }, 'above 0'],
  ['seed', { seed: -1 }, 'from 0'],
  ['no_repeat_ngram_size', { noRepeatNgramSize: -1 }, 'from 0'],
  ['encoder_no_repeat_ngram_size', { encoderNoRepeatNgramSize: 0.5 }, 'whole'],
  ['stop', { stop: new Array(17).fill('x') }, 'at most 16'],
  ['stop[1]', { stop: ['a', ''] }, 'empty'],
  ['stop[0]', { stop: ['a'.repeat(257)] }, '256'],
  ['suppress_tokens', { suppressTokens: [100] }, '0 to 99'],
  ['bad_words_ids[0]', { badWordsIds: [[]] }, 'at least one'],
];

describe('generation parameters', () => {
  for (const [field, given, says] of WRONG) {
    it(`refuses ${field} of ${JSON.stringify(given)}`, () => {
      assert.throws(
        () => resolve(given),
        (error: { violations: { field: string }[] }) => {
          assert.equal(error.violations[0]?.field, `generation.${field}`);
          return withCode('FIELD_INVALID', new RegExp(says))(error);
        },
      );
    });
  }

  it('lets neutral values pass where they have no effect', () => {
    resolve({ temperature: 1, topK: 50, topP: 1, typicalP: 1, minP: 0, lengthPenalty: 1, earlyStopping: false });
  });

  it('puts the request before the model, and max_new_tokens before max_length', () => {
    assert.equal(resolve({}).maxLength, 60);
    assert.equal(resolve({ maxLength: 30 }).maxLength, 30);
    assert.equal(resolve({ maxNewTokens: 30 }).maxLength, 31);
    assert.equal(resolve({}, { ...T5, defaults: { maxNewTokens: 8, maxLength: 99 } }).maxLength, 9);
    assert.equal(resolve({}, { ...T5, defaults: {} }).maxLength, 21);
    assert.equal(resolve({ minNewTokens: 5 }, { ...T5, defaults: { minLength: 50, maxLength: 60 } }).minLength, 6);
  });

  it('counts the prompt of a decoder-only model, and says where it leaves no room', () => {
    assert.equal(resolve({ maxNewTokens: 8 }, GPT, 100).maxLength, 108);
    assert.throws(() => resolve({ maxNewTokens: 30 }, GPT, 100), withCode('FIELD_INVALID', /at most 28/));
    assert.throws(() => resolve({ maxLength: 90 }, GPT, 100), withCode('FIELD_INVALID', /more than the 100/));
    assert.throws(() => resolve({}, GPT, 128), withCode('TEXT_TOO_LONG'));
  });
});

describe('loops', () => {
  const repeat = (run: number[], times: number): number[] => Array.from({ length: times }, () => run).flat();

  it('finds where a run of any length repeats at the end, and keeps it once', () => {
    assert.equal(loopStart([9, 8, ...repeat([5], 24)]), 3);
    assert.equal(loopStart([9, 8, ...repeat([1, 2, 3], 8)]), 5);
    assert.equal(loopStart([7, ...repeat([1, 2, 3, 4, 5, 6, 7, 8], 4)]), 9);
  });

  it('takes neither a short stutter nor a refrain for one', () => {
    assert.equal(loopStart([9, ...repeat([5], 10)]), undefined);
    assert.equal(loopStart([...repeat([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 3), 4]), undefined);
    assert.equal(loopStart([...repeat([1, 2, 3], 20), 4]), undefined, 'it has ended');
  });
});

describe('stop strings', () => {
  const words = ['', 'the', ' big', ', red', ' ball', ' and', ' th', 'e'];
  const check = createStopCheck(['big, red', ' the'], (ids) => ids.map((id) => words[id]).join(''));

  it('stops where the text ends in one, however tokens cut it', () => {
    assert.equal(check([1, 2, 3]), true);
    assert.equal(check([5, 6, 7]), true);
    assert.equal(check([1, 2]), false);
  });

  it('does not stop again for one that lies behind', () => {
    assert.equal(check([1, 2, 3, 4]), false);
  });
});
