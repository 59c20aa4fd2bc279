/** Greedy decoding from the highest logits alone chooses what it chooses from all of them, whatever is forbidden. */
import assert from 'node:assert/strict';
import type { Generated } from '../../../inference/generate/decoding.js';
import { type GenerationParameters, resolveParameters } from '../../../inference/generate/parameters.js';
import { createRandom } from '../../../inference/generate/random.js';
import { createSampling } from '../../../inference/generate/sample.js';
import { topOf } from './arithmetic.js';
import { modelOf } from './models.js';

const VOCAB = 100;
const SOURCE = [5, 6, 7, 5, 6, 8];

interface Decoded {
  results: Generated[];
  /** What each step asked for. */
  needs: { logits: boolean; top: number }[];
}

/** Runs to the end on logits that follow from the last two ids; of few values, so that many are equal. */
function decode(given: GenerationParameters, chooses: boolean, values: number): Decoded {
  const model = modelOf(VOCAB);
  const decoding = createSampling(
    resolveParameters(given, model, 1, 500, () => 0),
    [0],
    SOURCE,
    undefined,
  );
  const ids = [0];
  const needs: Decoded['needs'] = [];
  for (;;) {
    const random = createRandom((ids.at(-1) as number) * VOCAB + (ids.at(-2) ?? 0), values);
    const row = Float32Array.from({ length: VOCAB }, () => Math.floor(random.next() * values));
    const { logits, top } = decoding.needs;
    needs.push({ logits, top });
    const step = decoding.advance({
      logits() {
        assert.ok(logits || !chooses, 'logits were read that were not asked for');
        return row;
      },
      top: chooses && top > 0 ? () => topOf(row, Math.min(top, VOCAB)) : undefined,
    });
    if (step.at === 'done') return { results: step.results, needs };
    ids.push(step.tokens[0] as number);
  }
}

describe('choosing from the highest logits', () => {
  const RULES: Record<string, GenerationParameters> = {
    none: {},
    'an end that comes no sooner': { minNewTokens: 30 },
    'no token twice': { noRepeatNgramSize: 1, minNewTokens: 40 },
    'no pair twice': { noRepeatNgramSize: 2, minNewTokens: 40 },
    'nothing of the source': { encoderNoRepeatNgramSize: 1 },
    'bad words': { badWordsIds: [[3], [4, 5], [9], [10, 11, 12]], minNewTokens: 20 },
    'suppressed tokens': { suppressTokens: [2, 30, 31, 32], beginSuppressTokens: [40, 41] },
    'more forbidden than are looked for': { suppressTokens: Array.from({ length: 90 }, (_, id) => id + 5) },
    'all forbidden': { suppressTokens: Array.from({ length: VOCAB }, (_, id) => id) },
    'a penalty': { repetitionPenalty: 1.3 },
    'a forced beginning and end': { forcedBosTokenId: 7, forcedEosTokenId: [1], minNewTokens: 10 },
  };
  for (const [label, rules] of Object.entries(RULES)) {
    it(`is choosing from all: ${label}`, () => {
      for (const values of [2, 50, 1e6]) {
        const given = { maxNewTokens: 60, numReturnSequences: 1, ...rules };
        const all = decode(given, false, values);
        const chosen = decode(given, true, values);
        assert.deepEqual(chosen.results, all.results);
        assert.ok((chosen.results[0] as Generated).ids.length > 0);
      }
    });
  }

  it('asks for the logits only where a rule does more than forbid, or forbids too much', () => {
    const asks = (rules: GenerationParameters): boolean[] =>
      decode({ maxNewTokens: 12, minNewTokens: 12, ...rules }, true, 1e6).needs.map(({ logits }) => logits);
    assert.deepEqual(asks({ noRepeatNgramSize: 2 }), new Array(12).fill(false));
    assert.deepEqual(asks({ returnLogprobs: true }), new Array(12).fill(true));
    assert.deepEqual(asks({ repetitionPenalty: 2 }), new Array(12).fill(true));
    assert.deepEqual(asks({ suppressTokens: Array.from({ length: 70 }, (_, id) => id) }), new Array(12).fill(true));
    const forced = asks({ forcedBosTokenId: 7, forcedEosTokenId: [1] });
    assert.deepEqual(forced, [true, ...new Array(10).fill(false), true]);
  });

  it('fails where the highest is no number', () => {
    const model = modelOf(4);
    const decoding = createSampling(
      resolveParameters({}, model, 1, 9, () => 0),
      [0],
      [0],
      undefined,
    );
    const top = { ids: BigInt64Array.of(0n, 1n), scores: Float32Array.of(Number.NaN, Number.NaN) };
    assert.throws(() => decoding.advance({ logits: () => assert.fail('read'), top: () => top }), /not numbers/);
  });
});
