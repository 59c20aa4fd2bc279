/** Poolings, cuts, vectors of tokens and sparse vectors: what sentence-transformers makes of the same numbers. */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../chassis/clock.js';
import { readSettings } from '../../../chassis/settings.js';
import { inferenceSettings, openEncoder, type RunOptions } from '../../../inference/index.js';
import { inferManifest, type Manifest, type Pooling, type StoredModel } from '../../../models/index.js';
import * as embed from '../../../services/embed/index.js';
import { createEmbedModel, type EmbedModel, openEmbedder } from '../../../services/embed/model.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { temporaryFolders, writeFiles } from '../../kit/model-folder.js';
import { refuses } from '../../kit/refused.js';
import { apart, expected, FIXTURES, modeOf, utf16 } from './expected.js';

const NEAR = 1e-5;
const { texts, long } = expected;
const all = [...texts, long];
const unhurried = (): RunOptions => ({
  signal: new AbortController().signal,
  deadlineMs: Number.POSITIVE_INFINITY,
});
const read = { truncate: 'right', field: String } as const;

/** A fixture as a model with another `embed` in its manifest. */
async function fixture(name: string, change: Partial<NonNullable<Manifest['embed']>>): Promise<StoredModel> {
  const folder = join(FIXTURES, name);
  const manifest = await inferManifest(folder, { name, version: '1' });
  const own = manifest.embed as NonNullable<Manifest['embed']>;
  return { folder, inferred: true, manifest: { ...manifest, embed: { ...own, ...change } } };
}

describe('embed on models of other tasks', function () {
  this.timeout(60_000);
  const opened: EmbedModel[] = [];
  async function open(name: string, change: Partial<NonNullable<Manifest['embed']>>): Promise<EmbedModel> {
    const settings = readSettings(inferenceSettings, { PLEXUS_WORKERS: '1' });
    const model = await openEmbedder(await fixture(name, change), settings, systemClock);
    opened.push(model);
    return model;
  }
  afterEach(async () => {
    for (const model of opened.splice(0)) await model.close();
  });

  for (const include of [true, false])
    it(`pools as sentence-transformers does, the prompt ${include ? 'included' : 'left out'}`, async () => {
      const model = await open('hidden-bert', { poolPrompt: include });
      const cases = expected.poolings.filter((each) => each.include === include);
      assert.equal(cases.length, 8);
      for (const { mode, prompt, vectors } of cases) {
        const pooling = [mode].flat().map(modeOf).join('+') as Pooling;
        const dimensions = model.dimensionsOf(pooling);
        assert.equal(dimensions, 32 * [mode].flat().length);
        const options = { ...read, pooling, normalize: false, prompt, dimensions };
        const found = await model.embed(texts, options, unhurried());
        for (const [index, vector] of found.vectors.entries()) {
          const shown = [...vector.subarray(0, 5), ...vector.subarray(-3)];
          assert.ok(apart(shown, vectors[index] as number[]) < NEAR, `${pooling} of ${texts[index]}`);
        }
      }
    });

  it('leaves out of a text cut on the left what is left of the prompt, and nothing of the text', async () => {
    const model = await open('hidden-bert', { poolPrompt: false });
    const prompt = 'query: find the document about ';
    const common = { ...read, truncate: 'left', prompt, normalize: false, dimensions: 32 } as const;
    const words = Array.from({ length: 40 }, (_, index) => ['the', 'of', 'and'][index % 3]);
    /** From a whole prompt to none of it. */
    const asked = [3, 12, 15, 18, 40].map((count) => words.slice(0, count).join(' '));
    const { vectors } = await model.embed(asked, { ...common, pooling: 'mean' }, unhurried());
    const { encodings, vectors: rows, truncated } = await model.embedTokens(asked, common, unhurried());
    const seen = new Set<number>();
    for (const [index, { ids, utf16End }] of encodings.entries()) {
      const first = utf16End.findIndex((end) => end > prompt.length);
      seen.add(first);
      const mean = Array.from({ length: 32 }, (_, column) => {
        let sum = 0;
        for (let token = first; token < ids.length; token++) sum += rows[index]?.[token * 32 + column] as number;
        return sum / (ids.length - first);
      });
      assert.ok(apart([...(vectors[index] as Float32Array)], mean) < NEAR, `text ${index}, ${first} tokens before it`);
    }
    assert.deepEqual([truncated[0], truncated.at(-1)], [false, true]);
    assert.ok(seen.size >= 3 && seen.has(1), `prompts of ${[...seen]} tokens`);
  });

  for (const { pooling, activation, dots, weights } of expected.sparse)
    it(`weighs the vocabulary as SPLADE does by the ${pooling} of ${activation}`, async () => {
      const model = await open('splade-bert', { sparse: { pooling, activation } });
      const { pairs } = await model.embedSparse(all, { ...read, prompt: '', topK: 0, threshold: 0 }, unhurried());
      for (const [index, found] of pairs.entries()) {
        const wanted = weights[index] as Record<string, number>;
        assert.equal(found.length / 2, Object.keys(wanted).length, all[index]);
        for (let at = 0; at < found.length; at += 2) {
          const [id, weight] = [found[at] as number, found[at + 1] as number];
          assert.ok(Math.abs(weight - (wanted[id] as number)) < NEAR, `${all[index]}: ${id}`);
          const before = found[at - 1] ?? Number.POSITIVE_INFINITY;
          assert.ok(before > weight || (before === weight && (found[at - 2] as number) < id), 'heaviest first');
        }
      }
      assert.equal(dots.length, all.length);
    });

  it('refuses a model whose graph has not the head that its manifest says', async () => {
    const sparse = { pooling: 'max', activation: 'relu' } as const;
    await assert.rejects(open('hidden-bert', { sparse, dimensions: 170 }), {
      code: 'MODEL_UNSUPPORTED',
      message: /a vocabulary of 170, its graph gives 32 scores a token/,
    });
  });

  it('refuses to take the scores of a masked-LM head for vectors', async () => {
    // Found by its rank, as the numbered outputs of some exporters are, and so wide that nobody would see it in the answer.
    await assert.rejects(open('splade-bert', { sparse: undefined, dimensions: 32 } as object), {
      code: 'MODEL_UNSUPPORTED',
      message: /its output "logits" has 170 numbers a token where the manifest has vectors of 32; .* without its head/,
    });
  });

  describe('within so many numbers of an answer', () => {
    async function bounded(name: string, valuesMax: number): Promise<EmbedModel> {
      const settings = readSettings(inferenceSettings, { PLEXUS_WORKERS: '1' });
      const model = createEmbedModel(await openEncoder(await fixture(name, {}), settings), systemClock, valuesMax);
      opened.push(model);
      return model;
    }
    const limitOf = (limit: number) => ({ code: 'TOO_MANY_ITEMS', facts: { limit: String(limit) } });

    it('gives vectors of tokens up to the last number, and refuses one more before it runs', async () => {
      const tokens = (expected.tokens.texts.slice(0, 3) as { ids: number[] }[]).reduce(
        (sum, { ids }) => sum + ids.length,
        0,
      );
      const ask = (model: EmbedModel, dimensions: number) =>
        model.embedTokens(all.slice(0, 3), { ...read, prompt: '', normalize: false, dimensions }, unhurried());
      const enough = await bounded('hidden-bert', tokens * 32);
      const { vectors } = await ask(enough, 32);
      assert.equal(
        vectors.reduce((sum, { length }) => sum + length, 0),
        tokens * 32,
      );
      const short = await bounded('hidden-bert', tokens * 32 - 1);
      const before = short.stats().batches;
      await assert.rejects(ask(short, 32), limitOf(tokens * 32 - 1));
      assert.equal(short.stats().batches, before, 'it ran');
      assert.equal((await ask(short, 31)).vectors.length, 3, 'fewer dimensions');
    });

    it('gives sparse weights up to the last one, in parts that cannot exceed an answer, and stops at the part that does', async () => {
      const ask = (model: EmbedModel, given: readonly string[], topK = 0) =>
        model.embedSparse(given, { ...read, prompt: '', topK, threshold: 0 }, unhurried());
      const whole = await bounded('splade-bert', 4_096);
      const { pairs } = await ask(whole, texts);
      const weights = pairs.reduce((sum, { length }) => sum + length / 2, 0);
      assert.ok(weights > 340, `${weights} weights`);
      const enough = await bounded('splade-bert', weights); // several parts: a text may have 170 weights
      assert.deepEqual((await ask(enough, texts)).pairs, pairs);
      const short = await bounded('splade-bert', weights - 1);
      await assert.rejects(ask(short, texts), limitOf(weights - 1));

      const many = new Array<string>(64).fill(texts[0] as string);
      const small = await bounded('splade-bert', 171); // a text a part
      const before = small.stats().texts;
      await assert.rejects(ask(small, many), limitOf(171));
      assert.ok(small.stats().texts - before <= 171, 'it went on');
      assert.equal((await ask(small, many, 2)).pairs.length, 64, 'the heaviest two of each are few enough');
    });
  });

  describe('through the service', () => {
    let served: ServedCapability<EmbedModel>;
    before(async function () {
      served = await serveCapability(this, embed, ['hidden-bert', 'splade-bert'], {}, FIXTURES);
    });
    after(() => served?.close());
    const client = () => served.client.embed;

    it('cuts a long text on either side, keeps some of the dimensions, and scales to length 1 after that', async () => {
      for (const { side, dimensions, ids, vector } of expected.cuts) {
        const truncate = side === 'left' ? 'TRUNCATE_LEFT' : 'TRUNCATE_RIGHT';
        const { embeddings } = await client().embed({ texts: [long], truncate, dimensions });
        assert.ok(apart(embeddings[0]?.values ?? [], vector) < NEAR, `${side} ${dimensions}`);
        const tokens = await client().embedTokens({ texts: [long], truncate });
        assert.deepEqual(tokens.embeddings[0]?.ids, ids);
        assert.equal(tokens.embeddings[0]?.truncated, true);
      }
    });

    it('gives a vector for each token, and where it stands', async () => {
      for (const normalize of [false, true]) {
        const { embeddings, dimensions, usage } = await client().embedTokens({ texts: all, normalize });
        assert.equal(dimensions, 32);
        for (const [index, { text, ids, tokens, offsets, first, unit }] of expected.tokens.texts.entries()) {
          const found = embeddings[index];
          assert.deepEqual(found?.ids, ids);
          assert.deepEqual(found?.tokens, tokens);
          const places = found?.utf16Start.map((start, at) => [start, found.utf16End[at]]);
          assert.deepEqual(
            places,
            offsets.map((pair) => pair.map((point) => utf16(text, point))),
          );
          const bytes = found?.byteStart.map((start, at) => [start, found.byteEnd[at]]);
          assert.deepEqual(
            bytes,
            offsets.map((pair) => pair.map((point) => Buffer.byteLength(text.slice(0, utf16(text, point))))),
          );
          const shown = ids.flatMap((_, token) => found?.values.slice(token * 32, token * 32 + 3) ?? []);
          assert.ok(apart(shown, (normalize ? unit : first).flat()) < NEAR, text);
        }
        assert.equal(
          usage?.inputTokens,
          embeddings.reduce((sum, { ids }) => sum + ids.length, 0),
        );
      }
    });

    it('writes the vectors of tokens in every format, and leaves special tokens out where that is asked', async () => {
      const ask = async (format: 'FLOAT' | 'BASE64' | 'INT8' | 'BINARY', skipSpecialTokens = false) =>
        (await client().embedTokens({ texts: ['München'], format: `VECTOR_FORMAT_${format}`, skipSpecialTokens }))
          .embeddings[0];
      const floats = await ask('FLOAT');
      const values = floats?.values ?? [];
      const base64 = Buffer.from((await ask('BASE64'))?.base64 ?? '', 'base64');
      assert.deepEqual(
        values.map((_, at) => base64.readFloatLE(at * 4)),
        values,
      );
      const int8 = await ask('INT8');
      assert.equal(int8?.scales.length, int8?.ids.length);
      for (const [at, value] of values.entries()) {
        const scale = int8?.scales[Math.floor(at / 32)] as number;
        assert.ok(Math.abs((int8?.int8.readInt8(at) as number) * scale - value) <= scale / 2 + 1e-7);
      }
      const binary = (await ask('BINARY'))?.binary ?? Buffer.alloc(0);
      assert.deepEqual(
        values.map((_, at) => ((binary[at >> 3] as number) >> (7 - (at & 7))) & 1),
        values.map((value) => (value > 0 ? 1 : 0)),
      );
      const bare = await ask('FLOAT', true);
      assert.deepEqual(bare?.tokens, floats?.tokens.slice(1, -1));
      assert.deepEqual(bare?.values, values.slice(32, -32));
    });

    it('gives ids and weights, the heaviest so many, those from a threshold on, with their strings', async () => {
      const wanted = expected.sparse[0]?.weights[0] ?? {};
      const ask = async (more: object) =>
        (await client().embedSparse({ model: 'splade-bert', texts: [texts[0] as string], ...more })).embeddings[0];
      const whole = await ask({});
      assert.deepEqual([...(whole?.ids ?? [])].sort((a, b) => a - b).map(String), Object.keys(wanted));
      const three = await ask({ topK: 3, withTokens: true });
      assert.deepEqual(three?.ids, whole?.ids.slice(0, 3));
      assert.deepEqual(three?.weights, whole?.weights.slice(0, 3));
      assert.equal(three?.vocabulary.length, 3);
      assert.ok(three?.vocabulary.every((token) => token !== ''));
      const threshold = whole?.weights[4] as number;
      assert.deepEqual((await ask({ threshold }))?.ids, whole?.ids.slice(0, 5));
      assert.deepEqual(whole?.vocabulary, []);
    });

    it('compares sparse vectors by their product, and vectors of tokens by the closest of each', async () => {
      const source = texts[0] as string;
      const sparse = await client().similarity({ model: 'splade-bert', source, texts: all });
      assert.ok(apart(sparse.scores, expected.sparse[0]?.dots ?? []) < 1e-4);
      const cosine = await client().similarity({
        model: 'splade-bert',
        source,
        texts: [source],
        metric: 'METRIC_COSINE',
      });
      assert.ok(Math.abs((cosine.scores[0] as number) - 1) < NEAR);
      const late = await client().similarity({ source, texts: all, metric: 'METRIC_MAX_SIM' });
      assert.ok(apart(late.scores, expected.tokens.maxsim) < 1e-4);
    });

    it('compares the two of each pair, by every metric, as it compares a source with texts', async () => {
      const pairs = all.map((text, index) => ({ source: all[(index + 1) % all.length] as string, text }));
      for (const ask of [
        {},
        { metric: 'METRIC_EUCLIDEAN' },
        { metric: 'METRIC_MAX_SIM' },
        { model: 'splade-bert' },
        { model: 'splade-bert', metric: 'METRIC_COSINE' },
      ] as const) {
        const { scores, usage } = await client().similarity({ ...ask, pairs });
        assert.equal(usage?.texts, 2 * all.length);
        for (const [index, { source, text }] of pairs.entries()) {
          const alone = await client().similarity({ ...ask, source, texts: [text] });
          assert.ok(apart(alone.scores, [scores[index] as number]) < 1e-4, `${JSON.stringify(ask)} ${index}`);
        }
      }
    });

    describe('with the prompts of a model', () => {
      let prompted: ServedCapability<EmbedModel>;
      const folders = temporaryFolders();
      before(async function () {
        const folder = folders();
        cpSync(join(FIXTURES, 'hidden-bert'), join(folder, 'prompted'), { recursive: true });
        writeFiles(join(folder, 'prompted'), {
          'config_sentence_transformers.json': JSON.stringify({
            prompts: { query: 'the query: ', passage: 'of passage: ' },
            default_prompt_name: 'query',
          }),
        });
        prompted = await serveCapability(this, embed, ['prompted'], {}, folder);
      });
      after(() => prompted?.close());

      const text = 'the end of it';
      const ask = () => prompted.client.embed;

      it('puts the default prompt before texts where none is named, and nothing where nothing is wanted', async () => {
        const vector = async (request: object) =>
          (await ask().embed({ texts: [text], ...request })).embeddings[0]?.values ?? [];
        const [own, none, query] = [
          await vector({}),
          await vector({ noPrompt: true }),
          await vector({ promptName: 'query' }),
        ];
        assert.deepEqual(own, query);
        assert.deepEqual(own, await vector({ promptName: '' }));
        assert.ok(apart(own, none) > 0.01);
        const plain = (await client().embed({ texts: [text] })).embeddings[0]?.values ?? [];
        assert.ok(apart(none, plain) < NEAR);
        const tokens = async (request: object) =>
          (await ask().embedTokens({ texts: [text], ...request })).embeddings[0]?.ids.length as number;
        assert.ok((await tokens({})) > (await tokens({ noPrompt: true })));
      });

      it('puts another prompt before a source than before the texts', async () => {
        const [source, other] = ['the query: of all', 'of passage: the end of it'];
        const wanted = await ask().similarity({ source, texts: [other], noPrompt: true });
        const found = await ask().similarity({
          source: 'of all',
          texts: [text],
          promptName: 'passage',
          sourcePromptName: 'query',
        });
        assert.ok(apart(found.scores, wanted.scores) < NEAR);
        const pair = { source: 'of all', text };
        const paired = await ask().similarity({ pairs: [pair], promptName: 'passage', sourcePromptName: 'query' });
        assert.ok(apart(paired.scores, wanted.scores) < NEAR);
        const same = await ask().similarity({ source: text, texts: [text], promptName: 'passage' });
        assert.ok(
          Math.abs((same.scores[0] as number) - 1) < NEAR,
          'the source as the texts where nothing else is said',
        );
        const bare = await ask().similarity({
          source: other,
          texts: [text],
          promptName: 'passage',
          sourcePromptName: '',
        });
        assert.ok(Math.abs((bare.scores[0] as number) - 1) < NEAR);
      });
    });

    describe('refuses, naming field and fix', () => {
      const model = 'splade-bert';
      refuses(() => [
        {
          what: 'dense vectors of a sparse model',
          call: () => client().embed({ model, texts }),
          code: 'MODEL_WRONG_TASK',
          field: 'model',
          says: /use EmbedSparse/,
        },
        {
          what: 'token vectors of a sparse model',
          call: () => client().embedTokens({ model, texts }),
          code: 'MODEL_WRONG_TASK',
          field: 'model',
          says: /use EmbedSparse/,
        },
        {
          what: 'sparse vectors of a dense model',
          call: () => client().embedSparse({ texts }),
          code: 'MODEL_WRONG_TASK',
          field: 'model',
          says: /use Embed/,
        },
        {
          what: 'more dimensions than a token has',
          call: () => client().embedTokens({ texts, dimensions: 33 }),
          code: 'FIELD_INVALID',
          field: 'dimensions',
          says: /from 1 to 32/,
        },
        {
          what: 'a negative threshold',
          call: () => client().embedSparse({ model, texts, threshold: -1 }),
          code: 'FIELD_INVALID',
          field: 'threshold',
          says: /from 0/,
        },
        {
          what: 'a threshold that is no number',
          call: () => client().embedSparse({ model, texts, threshold: Number.NaN }),
          code: 'FIELD_INVALID',
          field: 'threshold',
        },
        { what: 'no texts', call: () => client().embedSparse({ model }), code: 'FIELD_REQUIRED', field: 'texts' },
        {
          what: 'a prompt it does not have',
          call: () => client().embedTokens({ texts, promptName: 'query' }),
          code: 'OPTION_UNSUPPORTED',
          field: 'prompt_name',
          says: /it has none/,
        },
        {
          what: 'a prompt for the source that the model has not',
          call: () => client().similarity({ source: 'x', texts, sourcePromptName: 'query' }),
          code: 'OPTION_UNSUPPORTED',
          field: 'source_prompt_name',
        },
        {
          what: 'a prompt and none',
          call: () => client().embed({ texts, promptName: 'query', noPrompt: true }),
          code: 'FIELD_INVALID',
          field: 'no_prompt',
        },
        {
          what: 'pairs beside a source',
          call: () => client().similarity({ source: 'x', pairs: [{ source: 'x', text: 'y' }] }),
          code: 'FIELD_INVALID',
          field: 'pairs',
          says: /either pairs, or a source and texts/,
        },
        {
          what: 'a text of a pair that must not be cut',
          call: () =>
            client().similarity({
              pairs: [
                { source: 'x', text: 'y' },
                { source: long, text: 'y' },
              ],
              truncate: 'TRUNCATE_REFUSE',
            }),
          code: 'TEXT_TOO_LONG',
          field: 'pairs[1].source',
        },
        {
          what: 'a text that must not be cut',
          call: () => client().embedTokens({ texts: ['x', long], truncate: 'TRUNCATE_REFUSE' }),
          code: 'TEXT_TOO_LONG',
          field: 'texts[1]',
          says: /takes 24/,
        },
        {
          what: 'a format it does not know',
          call: () => client().embedTokens({ texts, format: 9 as never }),
          code: 'FIELD_INVALID',
          field: 'format',
        },
      ]);
    });
  });
});
