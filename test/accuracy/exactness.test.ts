/**
 * Tokenizer + model + pooling + labels give what Python gives for the same files and 500 texts, most of them awkward; see
 * reference.py, which made the references. Here the starter models and two small shared ones; what takes longer is in
 * exactness.accuracy.ts.
 */
import assert from 'node:assert/strict';
import type { EncoderModel } from '../../inference/index.js';
import { inferManifest, requireWeightFile } from '../../models/index.js';
import { sharedOrSkip } from '../kit/shared.js';
import { starter } from '../kit/starter.js';
import { COSINE_MIN, compare, demand, hold, openAlone } from './compare.js';
import { readReferences, readTexts, sameFiles } from './references.js';

const texts = readTexts();

describe('exactness', function () {
  this.timeout(120_000);

  it('is seen on 500 texts of every awkward kind', () => {
    assert.equal(texts.length, 500);
    const kinds = new Set(texts.map(({ kind }) => kind));
    for (const kind of ['empty', 'emoji', 'cjk', 'arabic', 'combining', 'control', 'long word', 'cut', 'random'])
      assert(kinds.has(kind), kind);
    assert(texts.some(({ text }) => text === ''));
    assert(texts.some(({ text }) => /^\p{L}{10000}$/u.test(text)));
  });

  it('is missed by another pooling and by other texts', async () => {
    const [reference] = readReferences('static-en');
    assert(reference);
    const part = { ...reference, rows: reference.rows.slice(10, 40) };
    const encoder = await openAlone(await starter('static-en@1'));
    try {
      const right = await compare(encoder, part, texts.slice(10, 40));
      assert.deepEqual([right.ids, right.zeros, right.cosine > 0.999], [[], [], true]);
      const shifted = await compare(encoder, part, texts.slice(11, 41));
      assert(shifted.ids.length > 25 && shifted.cosine < 0.9, String(shifted.cosine));
      const embed = {
        ...encoder.manifest.embed,
        pooling: 'max',
        normalize: true,
        dimensions: 256,
        prompts: {},
      } as const;
      const pooled = { ...encoder, manifest: { ...encoder.manifest, embed } };
      const wrong = await compare(pooled, part, texts.slice(10, 40));
      assert(wrong.cosine < COSINE_MIN.int8, String(wrong.cosine));
      assert.throws(() => demand(reference, { ...right, texts: 500, ids: ['x'] }), /token ids differ/);
    } finally {
      await encoder.close();
    }
  });

  for (const name of ['minilm-l3-en', 'static-en', 'sentiment-en', 'langid'])
    for (const reference of readReferences(name))
      describe(`${name} ${reference.precision}`, () => {
        let encoder: EncoderModel;

        before(async () => {
          const model = await starter(`${name}@1`);
          sameFiles(reference, model.folder, requireWeightFile(model.manifest, 'model'));
          encoder = await openAlone(model);
        });
        after(() => encoder?.close());

        it('gives the ids, numbers and labels that Python gives', () => hold(encoder, reference));
      });

  for (const name of ['tiny-bert-sst2', 'movie-review-avg-word-vec-v2'])
    for (const reference of readReferences(name)) {
      const { precision } = reference;
      it(`${name} ${precision} gives the ids, numbers and labels that Python gives`, async function () {
        const folder = sharedOrSkip(this, `models/${name}`);
        const manifest = await inferManifest(folder, { name, version: '1', precision });
        sameFiles(reference, folder, requireWeightFile(manifest, 'model'));
        const encoder = await openAlone({ manifest, folder, inferred: true });
        try {
          await hold(encoder, reference);
        } finally {
          await encoder.close();
        }
      });
    }
});
