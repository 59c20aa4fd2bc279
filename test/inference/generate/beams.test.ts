/** Beams beyond what the parity tests see: loops that end them, and the likeliest tokens alone giving what all of them give. */
import assert from 'node:assert/strict';
import { createBeams } from '../../../inference/generate/beams.js';
import { type Decoding, type Generated, logSumExp } from '../../../inference/generate/decoding.js';
import { type GenerationParameters, type Resolved, resolveParameters } from '../../../inference/generate/parameters.js';
import { createRandom } from '../../../inference/generate/random.js';
import type { Ranked } from '../../../inference/generate/ranking.js';
import { topOf } from './arithmetic.js';
import { modelOf } from './models.js';

const VOCAB = 40;
const EOS = 1;

function resolve(given: GenerationParameters): Resolved {
  const model = modelOf(VOCAB, { eosTokenIds: [EOS] });
  return resolveParameters(given, model, 1, 500, () => 0);
}

/** Runs to the end; `logitsAfter` says what the model gives after these ids. */
function decode(given: Resolved, logitsAfter: (ids: readonly number[]) => Float32Array, ranked: boolean): Generated[] {
  const decoding: Decoding = createBeams(given, [0], [5, 6, 7], undefined);
  let rows: number[][] = Array.from({ length: decoding.rows }, () => [0]);
  for (;;) {
    const logits = rows.map(logitsAfter);
    const ranks = logits.map((row) => rank(row, decoding.needs.ranks));
    const step = decoding.advance({
      logits: (row) => logits[row] as Float32Array,
      ranked: ranked ? (row) => ranks[row] as Ranked : undefined,
    });
    if (step.at === 'done') return step.results;
    rows = step.tokens.map((token, index) => [...(rows[step.parents[index] as number] as number[]), token]);
  }
}

/** What the ranker gives of a row. */
function rank(row: Float32Array, count: number): Ranked {
  const normalizer = logSumExp(row);
  const { ids, scores } = topOf(row, count);
  return { ids, logprobs: scores.map((score) => score - normalizer) };
}

/** Logits that follow from the last two ids. */
function peaked(ids: readonly number[]): Float32Array {
  const random = createRandom((ids.at(-1) as number) * 64 + (ids.at(-2) ?? 0), ids.length);
  return Float32Array.from({ length: VOCAB }, () => random.next() * 6);
}

describe('beams', () => {
  const RULES: GenerationParameters[] = [
    { badWordsIds: [[3], [4, 5], [9]], minNewTokens: 5 },
    { noRepeatNgramSize: 1 },
    { suppressTokens: Array.from({ length: 18 }, (_, id) => id + 2), encoderNoRepeatNgramSize: 2 },
    { forcedBosTokenId: 7, forcedEosTokenId: [EOS], lengthPenalty: 2 },
  ];
  for (const renormalizeLogits of [false, true]) {
    for (const rules of RULES) {
      it(`come to the same by the likeliest tokens alone: ${JSON.stringify({ ...rules, renormalizeLogits })}`, () => {
        const given = resolve({
          ...rules,
          renormalizeLogits,
          numBeams: 3,
          numReturnSequences: 3,
          maxNewTokens: 14,
          returnLogprobs: true,
        });
        const [all, likeliest] = [decode(given, peaked, false), decode(given, peaked, true)];
        assert.deepEqual(
          likeliest.map(({ ids }) => ids),
          all.map(({ ids }) => ids),
        );
        for (const [index, { score, logprobs }] of all.entries()) {
          const other = likeliest[index] as Generated;
          assert.ok(Math.abs((score as number) - (other.score as number)) < 1e-5, `${score} is not ${other.score}`);
          assert.ok(logprobs.every((value, place) => Math.abs(value - (other.logprobs[place] as number)) < 1e-5));
        }
      });
    }
  }

  it('are renormalized where asked for: what is forbidden takes nothing from the rest', () => {
    const given = { badWordsIds: [[8]], numBeams: 2, maxNewTokens: 1, returnLogprobs: true };
    const likely = (_ids: readonly number[]): Float32Array =>
      Float32Array.from({ length: VOCAB }, (_, id) => (id === 8 ? 9 : 0));
    const first = (renormalizeLogits: boolean): number =>
      decode(resolve({ ...given, renormalizeLogits }), likely, true)[0]?.logprobs[0] as number;
    assert.ok(Math.abs(first(true) + Math.log(VOCAB - 1)) < 1e-5, `${first(true)}`);
    assert.ok(first(false) < -8, `${first(false)}`);
  });

  const looping = (_ids: readonly number[]): Float32Array =>
    Float32Array.from({ length: VOCAB }, (_, id) => (id === 5 ? 9 : id === EOS ? -9 : 0));

  it('end where they repeat themselves, where that is guarded, and keep the run once', () => {
    const given = resolve({ repetitionGuard: true, numBeams: 2, maxNewTokens: 200, returnLogprobs: true });
    const [best] = decode(given, looping, true);
    assert.deepEqual([best?.finish, best?.ids, best?.logprobs.length], ['repetition', [5], 1]);
  });

  it('go on to their full length where it is not', () => {
    const [best] = decode(resolve({ numBeams: 2, maxNewTokens: 60 }), looping, true);
    assert.deepEqual([best?.finish, best?.ids.length], ['length', 60]);
  });

  it('are not ended by a loop before the least length that was asked for', () => {
    const given = resolve({ repetitionGuard: true, numBeams: 2, minNewTokens: 50, maxNewTokens: 55 });
    let longest = 0;
    decode(
      given,
      (ids) => {
        longest = Math.max(longest, ids.length);
        return looping(ids);
      },
      true,
    );
    assert.ok(longest >= 50, `${longest} tokens`);
  });
});
