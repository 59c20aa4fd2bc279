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
export { openTokenizer } from './open-tokenizer.js';
export type { PackedEncoding } from './packed-encoding.js';
export { normalize, POOLINGS, pooledWidth } from './pooling.js';
export type { RunOptions, RunTimings } from './scheduler.js';
export { type InferenceSettings, inferenceSettings, placed } from './settings.js';
export { SPARSE_WIDTH_MAX, type SparseOptions, type SparseRule } from './sparse.js';
export { NO_STATS } from './tally.js';
export { ELEMENT_BYTES, type ElementType } from './tensor/element.js';
export { openTensorModel, type TensorCall, type TensorModel, type TensorResult } from './tensor/model.js';
export type { OutputTensor } from './tensor/protocol.js';
export { type TensorSettings, tensorSettings } from './tensor/settings.js';
export { elementsOf, type Fields, RANK_MAX, type Tensor, type TensorInfo } from './tensor/signature.js';
export {
  createTextReader,
  type FitOptions,
  type FittedText,
  type PlacedText,
  type PlaceOptions,
  type TextInput,
  type TextReader,
  type Truncate,
} from './texts.js';
export {
  type Chunk,
  type ChunkOptions,
  type EncodeOptions,
  type Encoding,
  type Tokenizer,
  utf8Offsets,
} from './tokenizer/index.js';
export { readTuning, type TunedModel, type Tuning, tunedSettings, writeTuning } from './tuning.js';
export { rpcTurns, type Turns } from './turns.js';
