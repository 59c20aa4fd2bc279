/** Settings of the capability services: which models answer where a request names none, and how their runtime is cut. */
import { integer, list, readSettings, text } from '../chassis/settings.js';
import { inferenceSettings, placed, tensorSettings } from '../inference/index.js';
import { cacheFolder, modelSettings } from '../models/index.js';

export const serviceSettings = {
  tokenizeModel: text({
    env: 'PLEXUS_MODEL_TOKENIZE',
    default: 'wordpiece-en',
    unit: 'model',
    reason: 'Model whose tokenizer answers Tokenize requests that name none.',
  }),
  embedModel: text({
    env: 'PLEXUS_MODEL_EMBED',
    default: 'minilm-l3-en',
    unit: 'model',
    reason: 'Model that answers Embed requests that name none, and ZeroShot requests of the classify service.',
  }),
  classifyModel: text({
    env: 'PLEXUS_MODEL_CLASSIFY',
    default: 'sentiment-en',
    unit: 'model',
    reason: 'Model that answers Classify requests that name none.',
  }),
  classifyAlso: list({
    env: 'PLEXUS_MODELS_CLASSIFY',
    default: ['langid'],
    unit: 'models',
    reason: 'Further models the classify service loads at start, beside its default and the embedder of ZeroShot.',
  }),
  inferModel: text({
    env: 'PLEXUS_MODEL_INFER',
    default: '',
    unit: 'model',
    reason:
      'Model that answers Infer requests that name none. Empty: the only one there is; of several, requests name one.',
  }),
  inferAlso: list({
    env: 'PLEXUS_MODELS_INFER',
    default: [],
    unit: 'models',
    reason:
      'Models the infer service loads at start, beside its default. Empty, and no default: every model of the task infer.',
  }),
  streamBatchesMax: integer({
    env: 'PLEXUS_EMBED_STREAM_BATCHES',
    unit: 'count',
    default: 8,
    min: 1,
    max: 256,
    reason:
      'Batches of one EmbedStream, or calls of one InferStream, worked on at the same time; more are not read from the stream until one is answered. Enough to keep the workers busy, few enough not to fill the queue.',
  }),
  labelSetsMax: integer({
    env: 'PLEXUS_LABEL_SETS',
    unit: 'count',
    default: 64,
    min: 0,
    max: 10_000,
    reason: 'Label sets of ZeroShot whose vectors are kept; the one not used for longest goes first.',
  }),
} as const;

const read = readSettings(
  { ...serviceSettings, ...inferenceSettings, ...tensorSettings, ...modelSettings },
  process.env,
);

/** Read once, when the process starts. Throws one Error that lists all mistakes. */
export const settings = placed(read, cacheFolder(read));
