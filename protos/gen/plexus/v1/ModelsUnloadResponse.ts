// Original file: protos/plexus/v1/models.proto

import type { Model as _plexus_v1_Model, Model__Output as _plexus_v1_Model__Output } from '../../plexus/v1/Model.js';

export interface ModelsUnloadResponse {
  'models'?: (_plexus_v1_Model)[];
}

export interface ModelsUnloadResponse__Output {
  'models': (_plexus_v1_Model__Output)[];
}
