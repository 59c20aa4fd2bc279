/** The encoder over real worker threads: ones that die and hang on command, and ones that run real models. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import {
  type EncoderModel,
  type FitOptions,
  type InferenceSettings,
  inferenceSettings,
  openEncoder,
  type Post,
} from '../../inference/index.js';
import { createRepository, type Manifest } from '../../models/index.js';
import { temporaryFolders, writeModel } from '../kit/model-folder.js';
import { sharedOrSkip } from '../kit/shared.js';
import { BUSY, DIE, HANG, TELL, THROW, WIDTH } from './kit/obedient-worker.js';
import { wordFiles } from './kit/word-model.js';

const script = new URL('./kit/obedient-worker.js', import.meta.url);
const settings = (changes: Partial<InferenceSettings> = {}): InferenceSettings => ({
  ...readSettings(inferenceSettings, {}),
  workers: 2,
  ...changes,
});
const forever = (): { signal: AbortSignal; deadlineMs: number } => ({
  signal: new AbortController().signal,
  deadlineMs: Number.POSITIVE_INFINITY,
});
const fit: FitOptions = { tokensMax: 512, truncate: 'right', field: String, signal: new AbortController().signal };
const mean: Post = { kind: 'pool', pooling: 'mean' };
const input = (...ids: number[]): { ids: Int32Array } => ({ ids: Int32Array.from(ids) });

describe('the encoder', () => {
  const temporary = temporaryFolders();
  const opened: EncoderModel[] = [];
  afterEach(async () => {
    for (const encoder of opened.splice(0)) await encoder.close();
  });

  describe('over workers that do as they are told', () => {
    async function open(
      changes: Partial<InferenceSettings> = {},
      name = 'words',
      embed: Manifest['embed'] = { pooling: 'mean', normalize: false, dimensions: WIDTH, prompts: {} },
    ): Promise<EncoderModel> {
      const folder = join(temporary(), name, '1');
      const manifest = await writeModel(folder, wordFiles('onnx/model.onnx'), {
        name: 'words',
        precision: 'fp32',
        maxTokens: 16,
        embed,
      });
      const model = { manifest, folder, inferred: false };
      const encoder = await openEncoder(model, settings(changes), { script });
      opened.push(encoder);
      return encoder;
    }

    it('warms up with the shapes that its traffic had the last time as well', async () => {
      const preparedFolder = join(temporary(), 'prepared');
      const told = async (): Promise<number[]> => {
        const encoder = await open({ preparedFolder, workers: 1 });
        const { output } = await encoder.run(input(TELL), mean, forever());
        const inputs = Array.from({ length: 5 }, () => input(1, 2, 3, 4, 5, 6, 7, 8, 9));
        for (let call = 0; call < 3; call++) await encoder.runAll(inputs, mean, forever());
        await encoder.close();
        return [...output];
      };
      assert.deepEqual(await told(), [4, 8, 16, 0]);
      assert.deepEqual(await told(), [4, 8, 12, 16], 'texts of 9 tokens had come');
      const kept = JSON.parse(readFileSync(join(preparedFolder, 'shapes.json'), 'utf8')) as object;
      assert.deepEqual(Object.values(kept), [{ '8x12': 4.5, '1x4': 1.5 }]);
    });

    it('answers each text with its own row', async () => {
      const encoder = await open();
      const outputs = await encoder.runAll([input(1, 2), input(3), input(), input(4, 5, 6)], mean, forever());
      assert.deepEqual(
        outputs.map(({ output }) => [...output]),
        [3, 3, 0, 15].map((sum) => new Array(WIDTH).fill(sum)),
      );
    });

    it('lets each text of a batch have its own number of dimensions', async () => {
      const encoder = await open({ workers: 1 });
      const run = (dimensions: number) => encoder.run(input(dimensions), { ...mean, dimensions }, forever());
      const lengths = (await Promise.all([1, 2, 3, 4, 3, 2].map(run))).map(({ output }) => output.length);
      assert.deepEqual(lengths, [1, 2, 3, 4, 3, 2]);
    });

    it('replaces a worker that died and answers the neighbours of the text that killed it', async () => {
      const encoder = await open({ workers: 1 });
      const texts = [input(BUSY, 20), input(1), input(DIE), input(2), input(3)];
      const outcomes = await Promise.allSettled(texts.map((each) => encoder.run(each, mean, forever())));
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      );
      assert.equal((outcomes[2] as PromiseRejectedResult).reason.code, 'INPUT_QUARANTINED');
      assert.equal((await encoder.run(input(5), mean, forever())).output[0], 5);
    });

    it('gives up a worker that hangs', async () => {
      const encoder = await open({ workers: 1, hangMs: 200 });
      await assert.rejects(encoder.run(input(HANG), mean, forever()), { code: 'INPUT_QUARANTINED' });
      assert.equal((await encoder.run(input(5), mean, forever())).output[0], 5);
    });

    it('keeps the worker of a text that cannot be computed, and does not say where it stood in memory', async () => {
      const encoder = await open({ workers: 1 });
      await assert.rejects(encoder.run(input(THROW), mean, forever()), (error: MeshError) => {
        assert.equal(error.code, 'MODEL_FAILED');
        assert.doesNotMatch(error.message, /told/);
        assert.match(String((error.cause as Error).message), /as I was told/);
        return true;
      });
      assert.equal((await encoder.run(input(5), mean, forever())).output[0], 5);
    });

    it('lets the event loop turn while a worker computes', async () => {
      const encoder = await open({ workers: 1 });
      let turns = 0;
      let running = true;
      const answered = encoder.run(input(BUSY, 300), mean, forever()).then(() => {
        running = false;
      });
      while (running) {
        await new Promise((resolve) => setImmediate(resolve));
        turns++;
      }
      await answered;
      assert.ok(turns > 100, `${turns} turns in 300 ms of computing`);
    });

    it('cuts the batches of a masked-LM head, and books their scores, by its vocabulary', async () => {
      const vocabulary = 2 ** 20;
      const embed = { pooling: 'max', normalize: false, dimensions: vocabulary, prompts: {} } as const;
      const sparse = { pooling: 'max', activation: 'relu' } as const;
      const opening = (changes: Partial<InferenceSettings>) =>
        open({ workers: 1, ...changes }, 'head', { ...embed, sparse });
      const bytes = 5 * 4 * 16 * vocabulary; // scores of the longest text, 16 tokens, which is more than a batch
      await assert.rejects(opening({ memoryBytes: bytes }), { code: 'MEMORY_SHORT' });
      const encoder = await opening({ memoryBytes: 2 ** 40 });
      assert.ok(encoder.stats().memoryBytes > bytes);
      await encoder.runAll(
        Array.from({ length: 16 }, (_, id) => input(id, 0, 0, 0)),
        mean,
        forever(),
      );
      const { batches, paddedTokens } = encoder.stats();
      assert.deepEqual([paddedTokens, batches], [64, 8], '8 tokens are 32 MiB of scores');
    });

    it('refuses a text that is longer than the model takes', async () => {
      const encoder = await open();
      await assert.rejects(encoder.run({ ids: new Int32Array(17) }, mean, forever()), { code: 'TEXT_TOO_LONG' });
    });

    it('fails what waits when it closes', async () => {
      const encoder = await open({ workers: 1 });
      const waiting = [input(BUSY, 100), input(1), input(2)].map((each) => encoder.run(each, mean, forever()));
      const outcomes = Promise.allSettled(waiting);
      await encoder.close();
      for (const outcome of await outcomes) {
        assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'SHUTTING_DOWN');
      }
    });

    it('is refused at load where its worker cannot run it, with the reason', async () => {
      await assert.rejects(open({}, 'refused'), {
        code: 'MODEL_UNSUPPORTED',
        message: /cannot be run: I do not want to$/,
      });
      await assert.rejects(open({}, 'stillborn'), { code: 'MODEL_FAILED' });
    });
  });

  describe('over onnxruntime', () => {
    async function open(name: string, context: Mocha.Context): Promise<EncoderModel> {
      const folder = sharedOrSkip(context, 'models');
      const model = await createRepository({ folders: [folder] }).find({ name });
      const encoder = await openEncoder(model, settings());
      opened.push(encoder);
      return encoder;
    }

    it('gives a text the same vector alone, in a batch of other lengths, and every time', async function () {
      const encoder = await open('tiny-static-embed', this);
      const texts = [
        'short',
        'a rather longer text than the first one',
        '',
        'The quick brown fox jumps over the lazy dog.',
      ];
      const fitted = await encoder.texts.fit(
        texts.map((text) => ({ text })),
        fit,
      );
      for (const pooling of ['mean', 'cls', 'last', 'max'] as const) {
        const post: Post = { kind: 'pool', pooling, normalize: true };
        const together = await encoder.runAll(fitted, post, forever());
        assert.ok(together.some(({ timings }) => timings.batchSize > 1));
        for (const [index, each] of fitted.entries()) {
          const alone = await encoder.run(each, post, forever());
          const apart = alone.output.map((value, at) => Math.abs(value - (together[index]?.output[at] as number)));
          assert.ok(Math.max(...apart) < 1e-5, `${texts[index]} by ${pooling}`);
          const length = Math.hypot(...alone.output);
          assert.ok(length === 0 || Math.abs(length - 1) < 1e-5);
        }
      }
    });

    it('gives what onnxruntime gives in one unbatched run', async function () {
      const encoder = await open('tiny-static-embed', this);
      const file = join(sharedOrSkip(this, 'models'), 'tiny-static-embed', 'onnx', 'model_quantized.onnx');
      const session = await InferenceSession.create(file);
      const [fitted] = await encoder.texts.fit([{ text: 'A man is playing a guitar.' }], fit);
      const ids = fitted?.ids as Int32Array;
      const dims = [1, ids.length];
      const expected = await session.run({
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), dims),
        attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), dims),
      });
      const post: Post = { kind: 'pool', pooling: 'mean', normalize: true };
      const { output } = await encoder.run({ ids }, post, forever());
      const sentence = expected.sentence_embedding?.data as Float32Array;
      const hidden = expected.last_hidden_state?.data as Float32Array;
      assert.equal(output.length, sentence.length);
      assert.ok(Math.max(...output.map((value, at) => Math.abs(value - (sentence[at] as number)))) < 1e-5);
      const first = await encoder.run({ ids }, { kind: 'pool', pooling: 'cls' }, forever());
      assert.deepEqual([...first.output], [...hidden.subarray(0, 128)]);
      await session.release();
    });

    it('gives logits of texts and of pairs', async function () {
      const encoder = await open('tiny-bert-sst2', this);
      assert.deepEqual({ ...encoder.shape }, { output: 'logits', width: 2, typed: true });
      const fitted = await encoder.texts.fit(
        [{ text: 'a wonderful film' }, { text: 'a dreadful film' }, { text: 'good', pair: 'bad' }],
        fit,
      );
      const [good, bad, pair] = await encoder.runAll(fitted, { kind: 'logits' }, forever());
      assert.ok((good?.output[1] as number) > (good?.output[0] as number));
      assert.ok((bad?.output[1] as number) < (bad?.output[0] as number));
      assert.equal(pair?.output.length, 2);
    });

    it('refuses a model whose inputs it does not know, and says which', async function () {
      const folder = sharedOrSkip(this, 'models/lande-langid-50');
      const weights = readFileSync(join(folder, 'onnx', 'model.onnx'));
      const model = { folder: temporary(), inferred: false };
      const manifest = await writeModel(
        model.folder,
        { ...wordFiles('onnx/model.onnx'), 'onnx/model.onnx': weights },
        { name: 'lande', task: 'classify', precision: 'fp32' },
      );
      await assert.rejects(openEncoder({ ...model, manifest }, settings()), {
        code: 'MODEL_UNSUPPORTED',
        message: /lande@1 cannot be run: it reads an input "features"/,
      });
    });

    it('answers its warm-up and counts what it did', async function () {
      const encoder = await open('tiny-static-embed', this);
      await encoder.warmUp(new AbortController().signal);
      const { requests, texts, batches, memoryBytes } = encoder.stats();
      assert.deepEqual({ requests, texts, batches }, { requests: 1, texts: 1, batches: 1 });
      assert.ok(memoryBytes > 4_000_000);
    });
  });
});
