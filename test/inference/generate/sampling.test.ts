/** Sampling draws from the distribution transformers would draw from, and a seed repeats it. */
import assert from 'node:assert/strict';
import { createBeams } from '../../../inference/generate/beams.js';
import { logSumExp } from '../../../inference/generate/decoding.js';
import { resolveParameters } from '../../../inference/generate/parameters.js';
import { createRandom } from '../../../inference/generate/random.js';
import { createSampling } from '../../../inference/generate/sample.js';
import { kthLargest, warp } from '../../../inference/generate/warpers.js';
import { modelOf, parametersOf, readCases } from './models.js';

interface Distribution {
  parameters: Record<string, number>;
  logits: number[];
  probabilities: number[];
}

const DISTRIBUTIONS = readCases('fixtures/distributions.json') as unknown as Distribution[];
const NEUTRAL = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1 };
const SEED = 20_260_417;

describe('sampling', () => {
  for (const { parameters, logits, probabilities } of DISTRIBUTIONS) {
    const label = JSON.stringify(parameters);
    const warping = { ...NEUTRAL, ...parametersOf(parameters) };

    it(`leaves the probabilities that transformers leaves: ${label}`, () => {
      const { ids, probabilities: found } = warp(Float32Array.from(logits), warping);
      const whole = new Array<number>(logits.length).fill(0);
      for (const [index, id] of ids.entries()) whole[id] = found[index] as number;
      for (const [id, wanted] of probabilities.entries()) {
        assert.ok(Math.abs((whole[id] as number) - wanted) < 2e-6, `token ${id}: ${whole[id]} is not ${wanted}`);
      }
    });

    it(`draws from them (chi-square, seed ${SEED}): ${label}`, () => {
      const draws = 6_000;
      const counts = new Array<number>(logits.length).fill(0);
      const model = modelOf(logits.length, { eosTokenIds: [] });
      const given = resolveParameters(
        { ...warping, doSample: true, maxNewTokens: draws, seed: SEED },
        model,
        1,
        draws,
        () => 0,
      );
      const sampling = createSampling(given, [0], [0], undefined);
      for (let draw = 0; draw < draws; draw++) {
        const step = sampling.advance({ logits: () => Float32Array.from(logits) });
        const id = step.certain?.id as number;
        counts[id] = (counts[id] as number) + 1;
      }
      let statistic = 0;
      let freedom = -1;
      for (const [id, probability] of probabilities.entries()) {
        if (probability === 0) {
          assert.equal(counts[id], 0, `token ${id} was forbidden`);
          continue;
        }
        const expected = probability * draws;
        if (expected < 5) continue;
        statistic += ((counts[id] as number) - expected) ** 2 / expected;
        freedom++;
      }
      // Four standard deviations above the mean of the chi-square distribution.
      assert.ok(
        freedom < 1 || statistic < freedom + 4 * Math.sqrt(2 * freedom),
        `${statistic} with ${freedom} degrees`,
      );
    });
  }

  it('draws beams as if one after the other without putting back', () => {
    const logits = [0, 1, 2, 0.5];
    const model = modelOf(4, { eosTokenIds: [] });
    const normalizer = logSumExp(Float32Array.from(logits));
    const share = logits.map((value) => Math.exp(value - normalizer));
    const trials = 2_000;
    const firsts = [0, 0, 0, 0];
    for (let seed = 0; seed < trials; seed++) {
      const given = resolveParameters(
        { numBeams: 2, numReturnSequences: 2, doSample: true, topK: 0, maxNewTokens: 1, seed },
        model,
        1,
        9,
        () => 0,
      );
      const step = createBeams(given, [0], [0], undefined).advance({
        logits: () => Float32Array.from(logits),
      });
      assert.ok(step.at === 'done');
      const ids = step.results.map((result) => result.ids[0] as number);
      assert.equal(new Set(ids).size, 2, 'a token was drawn twice');
      for (const id of ids) firsts[id] = (firsts[id] as number) + 1;
    }
    for (const [id, p] of share.entries()) {
      // Drawn first, or second behind any other.
      const wanted = p + share.reduce((sum, other, index) => (index === id ? sum : sum + (other * p) / (1 - other)), 0);
      const deviation = Math.sqrt((wanted * (1 - wanted)) / trials);
      assert.ok(
        Math.abs((firsts[id] as number) / trials - wanted) < 5 * deviation,
        `token ${id}: ${firsts[id]} of ${trials}, wanted ${wanted}`,
      );
    }
  });

  it('repeats itself for a seed and stream, and only for those', () => {
    const draw = (seed: number, stream: number): number[] => {
      const random = createRandom(seed, stream);
      return Array.from({ length: 20 }, () => random.next());
    };
    assert.deepEqual(draw(1, 0), draw(1, 0));
    assert.notDeepEqual(draw(1, 0), draw(1, 1));
    assert.notDeepEqual(draw(1, 0), draw(2, 0));
    const many = Array.from({ length: 500 }, (_, seed) => createRandom(seed, 0).next());
    const mean = many.reduce((sum, value) => sum + value, 0) / many.length;
    assert.ok(
      Math.abs(mean - 0.5) < 0.06 && many.every((value) => value >= 0 && value < 1),
      `first numbers of seeds have mean ${mean}`,
    );
  });

  it('finds the k-th largest of any numbers', () => {
    const random = createRandom(SEED, 1);
    for (let round = 0; round < 50; round++) {
      const values = Float32Array.from(
        { length: 1 + Math.floor(random.next() * 200) },
        () => Math.round(random.next() * 20) - 10,
      );
      const k = 1 + Math.floor(random.next() * values.length);
      assert.equal(kthLargest(values, k), values.slice().sort().at(-k));
    }
  });

  it('sums exponentials to nine digits', () => {
    const random = createRandom(SEED, 2);
    for (const scale of [0.1, 3, 40]) {
      const scores = Float32Array.from({ length: 5_000 }, () => (random.next() - 0.5) * scale);
      const max = Math.max(...scores);
      const exact = max + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - max), 0));
      assert.ok(Math.abs(logSumExp(scores) - exact) < 1e-8, `${logSumExp(scores)} is not ${exact}`);
    }
    assert.equal(logSumExp(Float32Array.of(Number.NEGATIVE_INFINITY, 2)), 2);
  });
});
