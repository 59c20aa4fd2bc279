/** The models room: which models exist and where they come from. Imports chassis only. */
export { type Manifest, type ManifestFile, type Pooling, type Quality, type Task, TASKS } from './manifest.js';
export { formatReference, type ModelReference, parseReference } from './reference.js';
export type { Repository, StoredModel } from './repository.js';
