// Original file: protos/plexus/v1/models.proto

import type { ModelStats as _plexus_v1_ModelStats, ModelStats__Output as _plexus_v1_ModelStats__Output } from '../../plexus/v1/ModelStats.js';

export interface ModelsStatsResponse {
  'stats'?: (_plexus_v1_ModelStats)[];
}

export interface ModelsStatsResponse__Output {
  'stats': (_plexus_v1_ModelStats__Output)[];
}
