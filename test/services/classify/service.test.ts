/** plexus.v1.Classify on a real server with real models: two classifiers and an embedder for zero-shot. */
import assert from 'node:assert/strict';
import type { ClassifyPairsRequest } from '../../../protos/gen/plexus/v1/ClassifyPairsRequest.js';
import type { ClassifyRequest } from '../../../protos/gen/plexus/v1/ClassifyRequest.js';
import type { LabelScore__Output } from '../../../protos/gen/plexus/v1/LabelScore.js';
import type { ZeroShotRequest } from '../../../protos/gen/plexus/v1/ZeroShotRequest.js';
import { definition } from '../../../protos/index.js';
import * as classify from '../../../services/classify/index.js';
import type { HeldModel } from '../../../services/classify/model.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { refuses } from '../../kit/refused.js';

const TEXTS = ['a wonderful, moving film', 'terrible, dull and boring', ''];
const EMBEDDER = 'tiny-static-embed';
const sum = (labels: readonly LabelScore__Output[]): number => labels.reduce((total, { score }) => total + score, 0);
const names = (labels: readonly LabelScore__Output[] | undefined): string[] => (labels ?? []).map(({ label }) => label);

describe('the classify service', () => {
  let served: ServedCapability<HeldModel>;
  before(async function () {
    served = await serveCapability(this, classify, ['tiny-bert-sst2', 'movie-review-avg-word-vec-v2', EMBEDDER]);
  });
  after(() => served?.close());

  const call = (request: ClassifyRequest) => served.client.classify.classify(request);
  const pairs = (request: ClassifyPairsRequest) => served.client.classify.classifyPairs(request);
  const zeroShot = (request: ZeroShotRequest) => served.client.classify.zeroShot({ model: EMBEDDER, ...request });

  it('gives every label of each text, best first, the empty text included', async () => {
    const { classifications, usage, model } = await call({ texts: TEXTS });
    assert.deepEqual(classifications.map(({ labels }) => labels[0]?.label).slice(0, 2), ['POSITIVE', 'NEGATIVE']);
    for (const { labels } of classifications) {
      assert.equal(labels.length, 2);
      assert.ok((labels[0]?.score as number) >= (labels[1]?.score as number));
      assert.ok(Math.abs(sum(labels) - 1) < 1e-5);
    }
    assert.deepEqual(
      classifications.map(({ tokens, truncated }) => [tokens, truncated]),
      [
        [7, false],
        [7, false],
        [2, false],
      ],
    );
    assert.deepEqual([usage?.texts, usage?.inputTokens, model?.name], [3, 16, 'tiny-bert-sst2']);
  });

  it('answers with the model the request names', async () => {
    const { classifications, model } = await call({ texts: TEXTS.slice(0, 2), model: 'movie-review-avg-word-vec-v2' });
    assert.deepEqual(
      classifications.map(({ labels }) => labels[0]?.label),
      ['POSITIVE', 'NEGATIVE'],
    );
    assert.equal(model?.name, 'movie-review-avg-word-vec-v2');
  });

  it('gives the best labels only, and none below the threshold', async () => {
    const one = await call({ texts: TEXTS, topK: 1 });
    assert.ok(one.classifications.every(({ labels }) => labels.length === 1));
    const sure = await call({ texts: TEXTS, threshold: 0.9 });
    assert.deepEqual(
      sure.classifications.map(({ labels }) => labels.length),
      [1, 1, 0],
    );
    assert.equal((await call({ texts: TEXTS, topK: 50 })).classifications[0]?.labels.length, 2);
  });

  it('scores labels against all others, each on its own, or not at all', async () => {
    const texts = TEXTS.slice(0, 1);
    const scores = async (request: ClassifyRequest): Promise<Map<string, number>> =>
      new Map((await call({ texts, ...request })).classifications[0]?.labels.map(({ label, score }) => [label, score]));
    const raw = await scores({ rawScores: true });
    const own = await scores({ multiLabel: true });
    const all = await scores({ multiLabel: false });
    const total = [...raw.values()].reduce((total, logit) => total + Math.exp(logit), 0);
    for (const [label, logit] of raw) {
      assert.ok(Math.abs((own.get(label) as number) - 1 / (1 + Math.exp(-logit))) < 1e-5);
      assert.ok(Math.abs((all.get(label) as number) - Math.exp(logit) / total) < 1e-5);
    }
  });

  it('sets the trailers', async () => {
    const { trailers } = await served.channel.unary(
      definition('plexus.v1.Classify').Classify,
      { texts: ['x'] },
      { deadlineMs: Date.now() + 10_000 },
    );
    assert.equal(trailers['x-plexus-model'], 'tiny-bert-sst2@1');
  });

  it('reads two texts at once where the model can', async () => {
    const { classifications, usage } = await pairs({
      pairs: [
        { text: 'good', pair: 'bad' },
        { text: '', pair: '' },
      ],
    });
    assert.deepEqual(
      classifications.map(({ tokens }) => tokens),
      [5, 3],
    );
    assert.equal(usage?.texts, 2);
    const long = await pairs({ pairs: [{ text: 'word '.repeat(600), pair: 'short' }] });
    assert.deepEqual([long.classifications[0]?.tokens, long.classifications[0]?.truncated], [512, true]);
  });

  describe('with labels of the request', () => {
    const texts = ['The team won the football match after extra time.', 'The bank raised its interest rates.'];
    const labels = ['sports', 'economy'];

    it('finds the label that is closest in meaning', async () => {
      const { classifications, model } = await zeroShot({ texts, labels });
      assert.deepEqual(
        classifications.map((each) => names(each.labels)[0]),
        ['sports', 'economy'],
      );
      for (const each of classifications) assert.ok(Math.abs(sum(each.labels) - 1) < 1e-5);
      assert.equal(model?.name, EMBEDDER);
    });

    it('gives cosines where scores are raw, and scores labels on their own where asked', async () => {
      const raw = await zeroShot({ texts, labels, rawScores: true });
      for (const each of raw.classifications) assert.ok(each.labels.every(({ score }) => score >= -1 && score <= 1));
      const own = await zeroShot({ texts, labels, multiLabel: true });
      for (const [index, each] of own.classifications.entries()) {
        assert.deepEqual(names(each.labels), names(raw.classifications[index]?.labels), 'the same order');
        assert.ok(each.labels.every(({ score }) => score > 0 && score < 1));
      }
      // Alone, a label is still a question; against itself only it would always be certain.
      const [alone] = (await zeroShot({ texts: ['x'], labels: ['sports'], multiLabel: true })).classifications;
      assert.ok((alone?.labels[0]?.score as number) < 0.99);
    });

    it('embeds a label set once', async () => {
      const set = { texts: texts.slice(0, 1), labels: ['weather', 'music', 'law'] };
      const first = await zeroShot(set);
      const again = await zeroShot(set);
      assert.ok((first.usage?.inputTokens as number) > (again.usage?.inputTokens as number));
      assert.equal(again.usage?.inputTokens, again.classifications[0]?.tokens);
      assert.deepEqual(again.classifications, first.classifications);
      const other = await zeroShot({ ...set, hypothesisTemplate: '{} it is' });
      assert.notDeepEqual(other.classifications, first.classifications, 'another template is another set');
    });

    it('leaves out labels below the threshold', async () => {
      const { classifications } = await zeroShot({ texts, labels, threshold: 0.5, topK: 5 });
      assert.deepEqual(
        classifications.map((each) => names(each.labels)),
        [['sports'], ['economy']],
      );
    });

    it('keeps a label with a dollar sign as it is', async () => {
      const { classifications } = await zeroShot({ texts, labels: ['$&', "$'"], topK: 2 });
      assert.deepEqual([...names(classifications[0]?.labels)].sort(), ['$&', "$'"]);
    });
  });

  const label256 = Array.from({ length: 257 }, (_, index) => `label ${index}`);
  refuses(() => [
    { what: 'no texts', call: () => call({}), code: 'FIELD_REQUIRED', field: 'texts' },
    {
      what: '100,000 items',
      call: () => call({ texts: new Array(100_000).fill('') }),
      code: 'TOO_MANY_ITEMS',
      field: 'texts',
    },
    {
      what: 'a text of 10 MB',
      call: () => call({ texts: ['x'.repeat(10_000_000)] }),
      code: 'TEXT_TOO_LONG',
      field: 'texts[0]',
    },
    {
      what: 'a text that must not be cut',
      call: () => call({ texts: ['word '.repeat(600)], truncate: 'TRUNCATE_REFUSE' }),
      code: 'TEXT_TOO_LONG',
      field: 'texts[0]',
    },
    {
      what: 'a threshold that is no number',
      call: () => call({ texts: ['a'], threshold: Number.NaN }),
      code: 'FIELD_INVALID',
      field: 'threshold',
      says: /from 0 to 1, is NaN/,
    },
    {
      what: 'a threshold without end',
      call: () => call({ texts: ['a'], threshold: Number.POSITIVE_INFINITY, rawScores: true }),
      code: 'FIELD_INVALID',
      field: 'threshold',
    },
    {
      what: 'a threshold that is no probability',
      call: () => call({ texts: ['a'], threshold: 1.5 }),
      code: 'FIELD_INVALID',
      field: 'threshold',
    },
    {
      what: 'an unknown model',
      call: () => call({ texts: ['a'], model: 'nope' }),
      code: 'MODEL_UNKNOWN',
      field: 'model',
      says: /tiny-bert-sst2/,
    },
    {
      what: 'an unknown version',
      call: () => call({ texts: ['a'], model: 'tiny-bert-sst2@7' }),
      code: 'VERSION_UNKNOWN',
      field: 'model',
    },
    {
      what: 'an embedder for its own labels',
      call: () => call({ texts: ['a'], model: EMBEDDER }),
      code: 'MODEL_WRONG_TASK',
      field: 'model',
      says: /ZeroShot/,
    },
    {
      what: 'a truncation the proto does not know',
      call: () => call({ texts: ['a'], truncate: 17 as never }),
      code: 'FIELD_INVALID',
      field: 'truncate',
    },
    { what: 'no pairs', call: () => pairs({}), code: 'FIELD_REQUIRED', field: 'pairs' },
    {
      what: 'a pair of 10 MB',
      call: () => pairs({ pairs: [{ text: 'a', pair: 'x'.repeat(10_000_000) }] }),
      code: 'TEXT_TOO_LONG',
      field: 'pairs[0].pair',
    },
    {
      what: 'a pair that must not be cut',
      call: () =>
        pairs({
          pairs: [
            { text: 'a', pair: 'b' },
            { text: 'a', pair: 'word '.repeat(600) },
          ],
          truncate: 'TRUNCATE_REFUSE',
        }),
      code: 'TEXT_TOO_LONG',
      field: 'pairs[1]',
    },
    {
      what: 'pairs for a model of one text',
      call: () => pairs({ pairs: [{ text: 'a', pair: 'b' }], model: 'movie-review-avg-word-vec-v2' }),
      code: 'OPTION_UNSUPPORTED',
      field: 'pairs',
    },
    { what: 'no labels', call: () => zeroShot({ texts: ['a'] }), code: 'FIELD_REQUIRED', field: 'labels' },
    {
      what: 'too many labels',
      call: () => zeroShot({ texts: ['a'], labels: label256 }),
      code: 'TOO_MANY_ITEMS',
      field: 'labels',
    },
    {
      what: 'an empty label',
      call: () => zeroShot({ texts: ['a'], labels: ['a', ''] }),
      code: 'FIELD_REQUIRED',
      field: 'labels[1]',
    },
    {
      what: 'a label twice',
      call: () => zeroShot({ texts: ['a'], labels: ['a', 'b', 'a'] }),
      code: 'FIELD_INVALID',
      field: 'labels[2]',
      says: /labels\[0\]/,
    },
    {
      what: 'a template without a place for the label',
      call: () => zeroShot({ texts: ['a'], labels: ['a'], hypothesisTemplate: 'about' }),
      code: 'FIELD_INVALID',
      field: 'hypothesis_template',
      says: /\{\}/,
    },
    {
      what: 'a classifier for labels of the request',
      call: () => zeroShot({ texts: ['a'], labels: ['a'], model: 'tiny-bert-sst2' }),
      code: 'MODEL_WRONG_TASK',
      field: 'model',
      says: /Classify/,
    },
    {
      what: 'a deadline that has passed',
      call: () => served.client.classify.classify({ texts: ['a'] }, { timeoutMs: 0 }),
      code: 'DEADLINE_EXCEEDED',
    },
    {
      what: 'a call that was cancelled',
      call: () => served.client.classify.classify({ texts: ['a'] }, { signal: AbortSignal.abort() }),
      code: 'CANCELLED',
    },
  ]);
});
