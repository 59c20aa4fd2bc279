/** Settings of the generation engine: threads, how much decodes together, where queues end. */
import { integer, type Settings } from '../../chassis/settings.js';

export const generatorSettings = {
  workers: integer({
    env: 'PLEXUS_GENERATE_WORKERS',
    unit: 'count',
    default: 1,
    min: 1,
    max: 64,
    reason:
      'Worker threads of each generating model. One shares the weights between all callers, which is what batching lives from; more are for models so small that a step is mostly overhead.',
  }),
  threads: integer({
    env: 'PLEXUS_GENERATE_THREADS',
    unit: 'count',
    default: 0,
    min: 0,
    max: 256,
    reason: 'Threads of onnxruntime in each worker. 0: the cores this process may use, shared among the workers.',
  }),
  rowsMax: integer({
    env: 'PLEXUS_GENERATE_ROWS',
    unit: 'count',
    default: 32,
    min: 1,
    max: 1_024,
    reason:
      'Sequences (beams count each) that share a step in one worker. A step grows with them and so does the gap between two tokens of a stream.',
  }),
  cacheBytesMax: integer({
    env: 'PLEXUS_GENERATE_CACHE_BYTES',
    unit: 'bytes',
    default: 512 * 2 ** 20,
    min: 1_024,
    max: 2 ** 46,
    reason:
      'Keys and values of one worker. Reserved for the longest a sequence may become before it begins, so that nothing runs out on the way. One that is set aside keeps what it holds and reserves the rest again when it goes on; nobody new begins while padding makes what is held more than this.',
  }),
  promptTokensMax: integer({
    env: 'PLEXUS_GENERATE_PROMPT_TOKENS',
    unit: 'tokens',
    default: 1_024,
    min: 1,
    max: 1_048_576,
    reason:
      'Padded tokens of one batch of prompts. One such batch at most is read at a time: more would hold up those who come next. A longer prompt is read alone. While others decode, of prompts up to 128 tokens no more than 128 are read at once.',
  }),
  paddingMax: integer({
    env: 'PLEXUS_GENERATE_PADDING',
    unit: 'tokens',
    default: 256,
    min: 0,
    max: 1_048_576,
    reason:
      'How much longer than a newcomer the oldest of a batch may be; padding costs attention and memory. Beyond it a second batch is begun.',
  }),
  sliceSteps: integer({
    env: 'PLEXUS_GENERATE_SLICE',
    unit: 'steps',
    default: 64,
    min: 1,
    max: 1_048_576,
    reason:
      'Steps a sequence keeps its place while others wait and no row or cache is free. Then it is set aside with what it holds of the cache and goes on after them.',
  }),
  waitingMax: integer({
    env: 'PLEXUS_GENERATE_WAITING',
    unit: 'count',
    default: 1_024,
    min: 1,
    max: 1_000_000,
    reason: 'Texts waiting for a place; the next is refused as QUEUE_FULL.',
  }),
  tokensMax: integer({
    env: 'PLEXUS_GENERATE_TOKENS',
    unit: 'tokens',
    default: 2_048,
    min: 1,
    max: 1_048_576,
    reason: 'Most tokens one request may generate, where the model itself sets no limit.',
  }),
  hangMs: integer({
    env: 'PLEXUS_GENERATE_HANG_MS',
    unit: 'ms',
    default: 60_000,
    min: 100,
    max: 3_600_000,
    reason: 'A worker that has work and has said nothing for longer is given up and replaced.',
  }),
} as const;

export type GeneratorSettings = Settings<typeof generatorSettings>;
