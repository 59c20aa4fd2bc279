/** Entities, zero-shot by language inference and reranking: what Python's transformers says of the same weights, and what is refused. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { systemClock } from '../../../chassis/clock.js';
import { readSettings } from '../../../chassis/settings.js';
import { inferenceSettings } from '../../../inference/index.js';
import { inferManifest, type Manifest } from '../../../models/index.js';
import type { ClassifyTokensRequest } from '../../../protos/gen/plexus/v1/ClassifyTokensRequest.js';
import * as classify from '../../../services/classify/index.js';
import { softmax } from '../../../services/classify/labels.js';
import { type HeldModel, openModel } from '../../../services/classify/model.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { refuses } from '../../kit/refused.js';
import { apart, expected, FIXTURES, utf16 } from './expected.js';

const NEAR = 1e-5;
const MODELS = [
  'entities-bert',
  'entities-roberta',
  'nli-bert',
  'nli-first-bert',
  'ranker-bert',
  'hidden-bert',
] as const;

describe('classify on models of other tasks', function () {
  this.timeout(60_000);
  let served: ServedCapability<HeldModel>;
  before(async function () {
    served = await serveCapability(this, classify, [...MODELS], {}, FIXTURES);
  });
  after(() => served?.close());

  const tag = (request: ClassifyTokensRequest) => served.client.classify.classifyTokens(request);

  for (const [model, cases] of Object.entries(expected.entities)) {
    it(`finds the entities that transformers' pipeline finds with ${model}, in every way of joining them`, async () => {
      let found = 0;
      for (const { text, strategy, ignore, stride, entities } of cases) {
        const { classifications } = await tag({
          model,
          texts: [text],
          aggregation: `AGGREGATION_${strategy.toUpperCase() as Uppercase<typeof strategy>}`,
          ignoreLabels: ignore.length === 0 ? [''] : ignore,
          ...(stride !== undefined && { stride }),
        });
        const got = classifications[0]?.entities ?? [];
        const shown = JSON.stringify({ text, strategy, ignore, stride });
        assert.deepEqual(
          got.map(({ label, word, utf16Start, utf16End, token }) => [label, word, utf16Start, utf16End, token ?? -1]),
          entities.map(([label, , word, start, end, index]) => [
            label,
            word,
            utf16(text, start),
            utf16(text, end),
            index,
          ]),
          shown,
        );
        const scores = entities.map(([, score]) => score);
        assert.ok(
          apart(
            got.map(({ score }) => score),
            scores,
          ) < NEAR,
          shown,
        );
        for (const { text: spelt, utf16Start, utf16End, byteStart, byteEnd } of got) {
          assert.equal(spelt, text.slice(utf16Start, utf16End));
          assert.equal(Buffer.from(text).subarray(byteStart, byteEnd).toString(), spelt);
        }
        found += got.length;
      }
      assert.ok(found > 500, `${found} entities`);
    });
  }

  it('reads a long text whole where a stride is given, and cuts it where none is', async () => {
    const texts = [expected.long, 'Berlin'];
    const cut = await tag({ texts });
    const whole = await tag({ texts, stride: 4 });
    assert.deepEqual(
      [cut, whole].map(({ classifications }) => classifications.map(({ truncated }) => truncated)),
      [
        [true, false],
        [false, false],
      ],
    );
    const last = whole.classifications[0]?.entities.at(-1)?.utf16End ?? 0;
    assert.ok(last > (cut.classifications[0]?.entities.at(-1)?.utf16End ?? 0));
    assert.ok((whole.classifications[0]?.tokens ?? 0) > 24);
    const [left] = (await tag({ texts, truncate: 'TRUNCATE_LEFT' })).classifications;
    assert.equal(left?.entities.at(-1)?.utf16End, expected.long.length);
  });

  for (const [model, cases] of Object.entries(expected.zeroShot)) {
    it(`ranks the labels of a request as transformers' pipeline does with ${model}`, async () => {
      for (const { text, labels, template, multi, ranked, scores } of cases) {
        const hypothesisTemplate = template === 'This example is {}.' ? '' : template; // the default of such models
        const { classifications } = await served.client.classify.zeroShot({
          model,
          texts: [text],
          labels,
          hypothesisTemplate,
          multiLabel: multi,
        });
        const found = classifications[0]?.labels ?? [];
        const shown = JSON.stringify({ text, labels, template, multi });
        assert.deepEqual(
          found.map(({ label }) => label),
          ranked,
          shown,
        );
        assert.ok(
          apart(
            found.map(({ score }) => score),
            scores,
          ) < NEAR,
          shown,
        );
      }
    });
  }

  it('judges several texts in one request as it judges them alone', async () => {
    const labels = ['sports', 'politics'];
    const ask = (texts: string[]) => served.client.classify.zeroShot({ model: 'nli-bert', texts, labels });
    const together = await ask(expected.texts);
    assert.equal(together.usage?.texts, expected.texts.length);
    for (const [index, text] of expected.texts.entries()) {
      const [alone] = (await ask([text])).classifications;
      assert.deepEqual(alone?.labels, together.classifications[index]?.labels);
    }
  });

  it('orders texts by a query as a cross-encoder does, cut longest first', async () => {
    for (const { query, texts, order, logits, scores } of expected.rerank) {
      const ask = (more: object) => served.client.classify.rerank({ model: 'ranker-bert', query, texts, ...more });
      const { results, usage } = await ask({ returnTexts: true });
      assert.deepEqual(
        results.map(({ index, text }) => [index, text]),
        order.map((index) => [index, texts[index]]),
      );
      assert.ok(
        apart(
          results.map(({ score }) => score),
          order.map((index) => scores[index] as number),
        ) < NEAR,
      );
      assert.equal(usage?.texts, texts.length);
      const two = await ask({ rawScores: true, topK: 2 });
      assert.ok(
        apart(
          two.results.map(({ score }) => score),
          order.slice(0, 2).map((index) => logits[index] as number),
        ) < NEAR,
      );
      assert.deepEqual([two.results[0]?.text, two.results.length], ['', 2]);
      // ClassifyPairs reads the same pairs.
      const pairs = texts.map((pair) => ({ text: query, pair }));
      const { classifications } = await served.client.classify.classifyPairs({ model: 'ranker-bert', pairs });
      assert.ok(
        apart(
          classifications.map(({ labels }) => labels[0]?.score as number),
          scores,
        ) < NEAR,
      );
    }
  });

  it('refuses a model whose graph has not the head that its manifest says', async () => {
    const folder = join(FIXTURES, 'nli-bert');
    const manifest = await inferManifest(folder, { name: 'nli-bert', version: '1' });
    const settings = readSettings(inferenceSettings, { PLEXUS_WORKERS: '1' });
    const own = manifest.classify as NonNullable<Manifest['classify']>;
    const tagger = { ...manifest, classify: { ...own, level: 'token' as const } };
    await assert.rejects(openModel({ folder, manifest: tagger, inferred: true }, settings, systemClock), {
      code: 'MODEL_UNSUPPORTED',
      message: /"logits" is not float32 of 3 dimensions/,
    });
    const short = { ...manifest, classify: { ...own, labels: ['yes', 'no'] } };
    await assert.rejects(openModel({ folder, manifest: short, inferred: true }, settings, systemClock), {
      code: 'MODEL_UNSUPPORTED',
      message: /its manifest has 2 labels, its graph 3/,
    });
  });

  it('scores by the calibration of the manifest, except raw scores and those of another activation', async () => {
    const folder = join(FIXTURES, 'nli-bert');
    const manifest = await inferManifest(folder, { name: 'nli-bert', version: '1' });
    const settings = readSettings(inferenceSettings, { PLEXUS_WORKERS: '1' });
    const own = manifest.classify as NonNullable<Manifest['classify']>;
    const calibrated = { ...own, calibration: { method: 'temperature' as const, temperature: 2 } };
    const model = await openModel(
      { folder, manifest: { ...manifest, classify: calibrated }, inferred: true },
      settings,
      systemClock,
    );
    try {
      assert.ok(model.kind === 'classifier');
      const run = { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };
      const ask = async (activation: 'softmax' | 'none', calibrated: boolean): Promise<ArrayLike<number>> => {
        const options = { activation, calibrated, truncate: 'right', field: String } as const;
        return (await model.classify([{ text: 'Berlin' }], options, run)).scores[0] as ArrayLike<number>;
      };
      const logits = await ask('none', true);
      const halved = Float64Array.from(logits, (logit) => logit / 2);
      assert.ok(apart(await ask('softmax', true), softmax(halved)) < 1e-9);
      assert.ok(apart(await ask('softmax', false), softmax(logits)) < 1e-9);
    } finally {
      await model.close();
    }
  });

  describe('refuses, naming field and fix', () => {
    const model = 'entities-bert';
    const c = () => served.client.classify;
    const texts = ['x'];
    refuses(() => [
      {
        what: 'a text labeller for tokens',
        call: () => tag({ model: 'nli-bert', texts }),
        code: 'MODEL_WRONG_TASK',
        field: 'model',
        says: /labels texts; use Classify/,
      },
      {
        what: 'a token labeller for texts',
        call: () => c().classify({ model, texts }),
        code: 'MODEL_WRONG_TASK',
        field: 'model',
        says: /use ClassifyTokens/,
      },
      {
        what: 'an embedder for tokens',
        call: () => tag({ model: 'hidden-bert', texts }),
        code: 'MODEL_WRONG_TASK',
        field: 'model',
        says: /embedder/,
      },
      {
        what: 'a stride without joining',
        call: () => tag({ model, texts, stride: 2, aggregation: 'AGGREGATION_NONE' }),
        code: 'FIELD_INVALID',
        field: 'stride',
        says: /AGGREGATION_NONE/,
      },
      {
        what: 'a stride as long as a piece',
        call: () => tag({ model, texts, stride: 22 }),
        code: 'FIELD_INVALID',
        field: 'stride',
        says: /below 22/,
      },
      {
        what: 'more pieces than a request may have',
        call: () => tag({ model, texts: ['a '.repeat(60_000)], stride: 10 }),
        code: 'TOO_MANY_ITEMS',
        field: 'texts',
        says: /at most 4096/,
      },
      {
        what: 'a text that must not be cut',
        call: () => tag({ model, texts: [expected.long], truncate: 'TRUNCATE_REFUSE' }),
        code: 'TEXT_TOO_LONG',
        field: 'texts[0]',
        says: /takes 24/,
      },
      {
        what: 'no texts',
        call: () => tag({ model, texts: [] }),
        code: 'FIELD_REQUIRED',
        field: 'texts',
        says: /1 to 1024/,
      },
      {
        what: 'a way of joining it does not know',
        call: () => tag({ model, texts, aggregation: 9 as never }),
        code: 'FIELD_INVALID',
        field: 'aggregation',
        says: /AGGREGATION_MAX/,
      },
      {
        what: 'a model of many labels for ranking',
        call: () => c().rerank({ model: 'nli-bert', query: 'q', texts }),
        code: 'OPTION_UNSUPPORTED',
        field: 'model',
        says: /has 3 labels; name a reranker/,
      },
      {
        what: 'ranking without a query',
        call: () => c().rerank({ model: 'ranker-bert', texts }),
        code: 'FIELD_REQUIRED',
        field: 'query',
        says: /must be given/,
      },
      {
        what: 'ranking of nothing',
        call: () => c().rerank({ model: 'ranker-bert', query: 'q' }),
        code: 'FIELD_REQUIRED',
        field: 'texts',
        says: /1 to 1024/,
      },
      {
        what: 'labels for a model that judges nothing',
        call: () => c().zeroShot({ model: 'ranker-bert', texts, labels: ['a'] }),
        code: 'MODEL_WRONG_TASK',
        field: 'model',
        says: /none for entailment/,
      },
      {
        what: 'more pairs than it reads',
        call: () =>
          c().zeroShot({ model: 'nli-bert', texts: new Array(1_000).fill('x'), labels: ['a', 'b', 'c', 'd', 'e'] }),
        code: 'TOO_MANY_ITEMS',
        field: 'labels',
        says: /5000 pairs/,
      },
      {
        what: 'a label that leaves no room',
        call: () => c().zeroShot({ model: 'nli-bert', texts, labels: ['a', expected.long] }),
        code: 'TEXT_TOO_LONG',
        field: 'labels[1]',
        says: /takes 21/,
      },
      {
        what: 'a text beside a label that must not be cut',
        call: () =>
          c().zeroShot({ model: 'nli-bert', texts: ['x', expected.long], labels: ['a'], truncate: 'TRUNCATE_REFUSE' }),
        code: 'TEXT_TOO_LONG',
        field: 'texts[1]',
        says: /takes 24/,
      },
    ]);
  });
});
