/** What a focus keeps of a text for a model that writes: by an embedder where there is one, else by shared words. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { systemClock } from '../../../chassis/clock.js';
import { readSettings } from '../../../chassis/settings.js';
import { lexicalVectors } from '../../../inference/extract/index.js';
import { type EncoderModel, inferenceSettings, openEncoder } from '../../../inference/index.js';
import { rpcTurns } from '../../../inference/turns.js';
import { createRepository, parseReference } from '../../../models/index.js';
import { packageRoot } from '../../../protos/index.js';
import { embedSentences } from '../../../services/summarize/embedding.js';
import { mostImportant } from '../../../services/summarize/parts.js';

const TEXT = [
  'The council met on Monday to discuss the new school.',
  'Several parents asked for more teachers and smaller classes.',
  'Two fishing boats sank off the coast in heavy weather.',
  'A bakery in the old town won a prize for its bread.',
  'The football team lost its third match.',
].join(' ');

describe('a focus', () => {
  let encoder: EncoderModel;
  const signal = new AbortController().signal;
  const run = { signal, deadlineMs: Number.POSITIVE_INFINITY };
  before(async () => {
    const repository = createRepository({ folders: [join(packageRoot, 'models', 'store')] });
    const stored = await repository.find(parseReference('minilm-l3-en'));
    encoder = await openEncoder(stored, { ...readSettings(inferenceSettings, {}), workers: 1 });
  });
  after(() => encoder.close());

  const kept = async (focus: string, byMeaning: boolean): Promise<string> => {
    const embed = async (texts: readonly string[]) =>
      byMeaning
        ? (await embedSentences(encoder, texts, { field: 'text', run, clock: systemClock })).vectors
        : lexicalVectors(texts, rpcTurns);
    return (
      await mostImportant(TEXT, 16, focus, { texts: encoder.texts, sentencesMax: 600, locale: 'en', signal, embed })
    ).text;
  };

  it('finds by meaning what shares no word with it', async () => {
    assert.match(await kept('shipwreck', true), /boats sank/);
    assert.match(await kept('sports', true), /football/);
    assert.doesNotMatch(await kept('shipwreck', false), /boats sank/);
  });

  it('finds by words without an embedder', async () => {
    assert.match(await kept('bread of the bakery', false), /bakery/);
  });
});
