/** Settings of tensor calls: how large one may be, how many share a run, where the queue ends. */
import { integer, type Settings } from '../../chassis/settings.js';

export const tensorSettings = {
  tensorInputBytesMax: integer({
    env: 'PLEXUS_INFER_INPUT_BYTES',
    unit: 'bytes',
    default: 16 * 2 ** 20,
    min: 1,
    max: 512 * 2 ** 20,
    reason:
      'Tensors of one Infer call, all inputs together. 16 MiB are 27 images of 224 x 224 x 3 floats. PLEXUS_MESSAGE_BYTES_MAX bounds the message as well.',
  }),
  tensorOutputBytesMax: integer({
    env: 'PLEXUS_INFER_OUTPUT_BYTES',
    unit: 'bytes',
    default: 32 * 2 ** 20,
    min: 1,
    max: 512 * 2 ** 20,
    reason: 'Tensors of one Infer answer; a larger one is refused after the run. A gateway takes messages of as much.',
  }),
  tensorElementsMax: integer({
    env: 'PLEXUS_INFER_ELEMENTS',
    unit: 'count',
    default: 2 ** 24,
    min: 1,
    max: 2 ** 31 - 1,
    reason: 'Elements of one tensor, strings included: each string costs memory of its own, whatever its length.',
  }),
  tensorBatchCallsMax: integer({
    env: 'PLEXUS_INFER_BATCH_CALLS',
    unit: 'count',
    default: 32,
    min: 1,
    max: 4_096,
    reason: 'Infer calls in one run of a batchable model; bounds what a lost worker takes with it.',
  }),
  tensorBatchKibMax: integer({
    env: 'PLEXUS_INFER_BATCH_KIB',
    unit: 'KiB',
    default: 1_024,
    min: 1,
    max: 524_288,
    reason: 'Input tensors in one run of a batchable model. A larger call runs alone.',
  }),
  tensorQueueCallsMax: integer({
    env: 'PLEXUS_INFER_QUEUE_CALLS',
    unit: 'count',
    default: 1_024,
    min: 1,
    max: 1_000_000,
    reason: 'Infer calls waiting for one model; the next is refused as QUEUE_FULL.',
  }),
  tensorQueueKibMax: integer({
    env: 'PLEXUS_INFER_QUEUE_KIB',
    unit: 'KiB',
    default: 131_072,
    min: 1,
    max: 16_777_216,
    reason: 'Input tensors waiting for one model; the next call is refused as QUEUE_FULL. They are held in memory.',
  }),
} as const;

export type TensorSettings = Settings<typeof tensorSettings>;
