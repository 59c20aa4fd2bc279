/** The models room: which models exist and where they come from. Imports chassis only. */

export { type CalibratedOptions, installCalibrated } from './calibrate.js';
export type { OnPullEvent, PullEvent } from './fetch/events.js';
export { type PullOptions, pull } from './fetch/pull.js';
export { collectGarbage, type Garbage, removeInstalled } from './fetch/remove.js';
export { describeFiles, digestOf, hashFile, listFiles } from './folder.js';
export { type InferOptions, inferManifest } from './infer.js';
export {
  type Calibration,
  type CalibrationFit,
  type Derived,
  type Manifest,
  type ManifestFile,
  type Quality,
  TASKS,
  type Task,
} from './manifest.js';
export { isPooling, POOLING_MODES, type Pooling, type PoolingMode, poolingModes } from './pooling.js';
export { hasFp32, type Measured, type QuantizeOptions, quantizeModel } from './quantize/quantize.js';
export { formatReference, type ModelReference, parseReference } from './reference.js';
export {
  createRepository,
  type FolderRepository,
  type ModelProblem,
  type Repository,
  type RepositoryOptions,
  type StoredModel,
} from './repository.js';
export { checkManifest, manifestJsonSchema, parseManifest } from './schema.js';
export {
  cacheFolder,
  type ModelSettings,
  modelFolders,
  modelSettings,
  type PullSettings,
  pulledFolder,
  pullSettings,
} from './settings.js';
export { compareVersions } from './version.js';
export { type Part, type Precision, precisionsOf, requireWeightFile, weightFile, weightFiles } from './weights.js';
