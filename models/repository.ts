/** Which models exist: folders on the search path, versions side by side, immutable. */
import type { Manifest } from './manifest.js';
import type { ModelReference } from './reference.js';

export interface StoredModel {
  manifest: Manifest;
  /** Absolute path of the folder; never sent to a caller. */
  folder: string;
  /** True where the folder has no manifest.json and it was inferred. */
  inferred: boolean;
}

export interface Repository {
  /** Every model version on the search path, by name, then newest version first. */
  list(): Promise<readonly StoredModel[]>;
  /** The version a reference means (none given: the newest). MODEL_UNKNOWN, VERSION_UNKNOWN with what there is. */
  find(reference: ModelReference): Promise<StoredModel>;
  /** Checks every file against the manifest; MODEL_CHANGED names the first that differs. */
  verify(model: StoredModel): Promise<void>;
}
