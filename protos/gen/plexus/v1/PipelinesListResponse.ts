// Original file: protos/plexus/v1/pipelines.proto

import type { PipelineInfo as _plexus_v1_PipelineInfo, PipelineInfo__Output as _plexus_v1_PipelineInfo__Output } from '../../plexus/v1/PipelineInfo.js';

export interface PipelinesListResponse {
  'pipelines'?: (_plexus_v1_PipelineInfo)[];
}

export interface PipelinesListResponse__Output {
  'pipelines': (_plexus_v1_PipelineInfo__Output)[];
}
