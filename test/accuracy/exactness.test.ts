/**
 * Tokenizer + model + pooling give what Python's tokenizers, onnxruntime and sentence-transformers give for the same files.
 * The references are made by models/training/reference.py; each names the digest it was made from.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncoderModel } from '../../inference/index.js';
import { packageRoot } from '../../protos/index.js';
import { openStarter } from '../kit/starter.js';

interface Reference {
  model: string;
  digest: string;
  maxTokens: number;
  texts: { text: string; ids: number[]; vector?: string; logits?: number[] }[];
}

const folder = join(packageRoot, 'test', 'accuracy', 'reference');
/** int8 kernels differ between processors; on one that has the same as the reference it is 1.0000. */
const COSINE_MIN = 0.999;

describe('exactness', function () {
  this.timeout(60_000);

  for (const name of ['minilm-l3-en', 'static-en', 'sentiment-en', 'langid']) {
    describe(name, () => {
      const reference = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Reference;
      let model: EncoderModel;

      before(async () => {
        model = await openStarter(reference.model);
      });
      after(() => model?.close());

      const encode = (text: string): Int32Array =>
        model.tokenizer.encodeIds(text, { addSpecialTokens: true, maxTokens: reference.maxTokens });

      it('is compared with a reference of the very same files', () =>
        assert.equal(model.manifest.digest, reference.digest));

      it(`gives the same token ids for ${reference.texts.length} texts`, () => {
        for (const { text, ids } of reference.texts)
          assert.deepEqual([...encode(text)], ids, JSON.stringify(text.slice(0, 60)));
      });

      it('gives the same numbers', async () => {
        const post = reference.texts[0]?.vector
          ? ({
              kind: 'pool',
              pooling: model.manifest.embed?.pooling ?? 'mean',
              normalize: model.manifest.embed?.normalize ?? false,
            } as const)
          : ({ kind: 'logits' } as const);
        // One at a time, as the reference: dynamic int8 scales activations by the largest of the whole batch.
        const outputs: { output: Float32Array }[] = [];
        for (const { text } of reference.texts) outputs.push(await model.run({ ids: encode(text) }, post, forever()));
        reference.texts.forEach(({ text, vector, logits }, index) => {
          const expected = logits ? Float32Array.from(logits) : floats(vector as string);
          const { output } = outputs[index] as (typeof outputs)[number];
          const shown = JSON.stringify(text.slice(0, 60));
          assert.equal(output.length, expected.length, shown);
          if (expected.some((value) => value !== 0))
            assert(cosine(output, expected) >= COSINE_MIN, `${shown}: cosine ${cosine(output, expected)}`);
          else
            assert(
              output.every((value) => value === 0),
              shown,
            );
          if (logits) assert.equal(best(output), best(expected), shown);
        });
      });
    });
  }
});

function forever(): { signal: AbortSignal; deadlineMs: number } {
  return { signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };
}

function floats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let index = 0; index < a.length; index++) {
    dot += (a[index] as number) * (b[index] as number);
    aa += (a[index] as number) ** 2;
    bb += (b[index] as number) ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

function best(scores: Float32Array): number {
  return scores.indexOf(Math.max(...scores));
}
