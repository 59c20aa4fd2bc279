/** The inference room: how a model runs. The only room that imports onnxruntime-node, and only in its worker threads. */
export { usableCores } from './cores.js';
export {
  type EncoderInput,
  type EncoderModel,
  type EncoderOptions,
  type EncoderOutput,
  openEncoder,
  type Post,
} from './encoder.js';
export {
  createHub,
  type Hub,
  type HubEntry,
  type HubOptions,
  type HubState,
  type Lease,
  type Running,
  type RunningStats,
} from './hub.js';
export { normalize, POOLINGS } from './pooling.js';
export type { RunOptions, RunTimings } from './scheduler.js';
export { type InferenceSettings, inferenceSettings } from './settings.js';
export type { ReadOptions, ReadText, TextReader, Truncate } from './texts.js';
