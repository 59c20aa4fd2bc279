/**
 * The reference models (all-MiniLM-L6-v2, bge-small-en-v1.5, e5-small-v2) and the rest of the shared ones, in fp32 and int8, as plain
 * Hugging Face folders: that pooling, normalization and maximum tokens are inferred as the model cards say is part of what is
 * tested. The reference models are looked for in PLEXUS_REFERENCE_MODELS, else where scripts/fetch-models.sh puts them. Then
 * what company in a batch does to a text: nothing in fp32, something in int8. Run by `npm run test:accuracy`.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../chassis/settings.js';
import { inferenceSettings, openEncoder } from '../../inference/index.js';
import { cacheFolder, inferManifest, modelSettings, requireWeightFile, type StoredModel } from '../../models/index.js';
import { sharedOrSkip } from '../kit/shared.js';
import { starter } from '../kit/starter.js';
import { COSINE_MIN, compare, hold, openAlone, show } from './compare.js';
import { type Precision, readReferences, readTexts, sameFiles } from './references.js';

const root =
  process.env.PLEXUS_REFERENCE_MODELS || join(cacheFolder(readSettings(modelSettings, process.env)), 'reference');

const REFERENCE = ['all-MiniLM-L6-v2', 'bge-small-en-v1.5', 'e5-small-v2'];
const SHARED = ['tiny-static-embed', 'movie-review-avg-word-vec-v1'];
describe('exactness of the reference models', function () {
  this.timeout(600_000);

  for (const name of [...REFERENCE, ...SHARED])
    for (const reference of readReferences(name)) {
      const { precision } = reference;
      it(`${name} ${precision} gives the ids and numbers that Python gives`, async function () {
        const model = await findOrSkip(this, name, precision);
        sameFiles(reference, model.folder, requireWeightFile(model.manifest, 'model'));
        const encoder = await openAlone(model);
        try {
          await hold(encoder, reference);
        } finally {
          await encoder.close();
        }
      });
    }

  for (const name of ['all-MiniLM-L6-v2', 'minilm-l3-en', 'sentiment-en'])
    for (const reference of readReferences(name)) {
      const { precision } = reference;
      it(`${name} ${precision} in batches with other texts`, async function () {
        const model = name.endsWith('-en') ? await starter(`${name}@1`) : await findOrSkip(this, name, precision);
        const encoder = await openEncoder(model, readSettings(inferenceSettings, {}));
        try {
          const seen = await compare(encoder, reference, readTexts());
          const mean = seen.cosines.reduce((sum, cosine) => sum + cosine, 0) / seen.texts;
          console.log(`      in batches: ${show(reference, seen)}; mean cosine ${mean.toFixed(6)}`);
          assert.deepEqual(seen.ids, []);
          if (precision === 'fp32') return assert(seen.cosine >= COSINE_MIN.fp32, seen.worst);
          // Dynamic int8 takes one scale from the whole batch, so a text's numbers move a little with its company, in Python too.
          // Two logits near zero turn round easily: there only the labels tell.
          assert(reference.labels || mean >= 0.97, `mean cosine ${mean}`);
          assert(seen.labels.length <= 25, `${seen.labels.length} of 500 label orders differ`);
        } finally {
          await encoder.close();
        }
      });
    }
});

async function findOrSkip(context: Mocha.Context, name: string, precision: Precision): Promise<StoredModel> {
  const folder = REFERENCE.includes(name) ? join(root, name) : sharedOrSkip(context, `models/${name}`);
  if (!existsSync(folder)) {
    console.warn(`SKIPPED: ${name} IS NOT IN ${root}. RUN scripts/fetch-models.sh OR SET PLEXUS_REFERENCE_MODELS.`);
    context.skip();
  }
  return { folder, manifest: await inferManifest(folder, { name, version: '1', precision }), inferred: true };
}
