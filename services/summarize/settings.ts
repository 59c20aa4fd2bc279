/** Settings of the summarize service: its default model, and where long documents end. */
import { integer, readSettings, text } from '../../chassis/settings.js';
import { generatorSettings } from '../../inference/generate/index.js';

export const summarizeSettings = {
  model: text({
    env: 'PLEXUS_MODEL_SUMMARIZE',
    default: 'extractive-en',
    unit: 'model',
    reason: 'Model that answers Summarize requests that name none.',
  }),
  sentencesMax: integer({
    env: 'PLEXUS_SUMMARIZE_SENTENCES',
    unit: 'count',
    default: 600,
    min: 1,
    max: 100_000,
    reason:
      'Sentences of one text that are compared by the embedder; a longer text is thinned out evenly first, and coverage says so. Six hundred are about thirty pages and a second of work. For faithfulness those that share most words with the summary are compared.',
  }),
  embedder: text({
    env: 'PLEXUS_SUMMARIZE_EMBEDDER',
    default: '',
    unit: 'model',
    reason:
      'Embedder that compares sentences for models that write, where their manifest names none: for a focus, for choosing what a long text is reduced to, and for faithfulness. Empty: sentences are compared by the words they share, which works in any language.',
  }),
  partsMax: integer({
    env: 'PLEXUS_SUMMARIZE_PARTS',
    unit: 'count',
    default: 128,
    min: 1,
    max: 10_000,
    reason:
      'Parts a long text is split into for a generating model; a longer text is thinned out to so much first, and coverage says so.',
  }),
  partsTogether: integer({
    env: 'PLEXUS_SUMMARIZE_PARTS_TOGETHER',
    unit: 'count',
    default: 16,
    min: 1,
    max: 1_024,
    reason:
      'Parts of one text that wait for or are in the generator at the same time. Other callers take turns with them.',
  }),
  textsTogether: integer({
    env: 'PLEXUS_SUMMARIZE_TEXTS_TOGETHER',
    unit: 'count',
    default: 8,
    min: 1,
    max: 64,
    reason:
      'Texts of one request that are worked on at the same time; bounds the memory of a request of 64 long texts.',
  }),
} as const;

/** Read once, when the process starts. Throws one Error that lists all mistakes. */
export const settings = readSettings(summarizeSettings, process.env);
export const generator = readSettings(generatorSettings, process.env);

export type SummarizeSettings = typeof settings;
