// Original file: protos/plexus/v1/pipelines.proto

import type { PipelineInfo as _plexus_v1_PipelineInfo, PipelineInfo__Output as _plexus_v1_PipelineInfo__Output } from '../../plexus/v1/PipelineInfo.js';
import type { PipelineField as _plexus_v1_PipelineField, PipelineField__Output as _plexus_v1_PipelineField__Output } from '../../plexus/v1/PipelineField.js';
import type { PipelineStep as _plexus_v1_PipelineStep, PipelineStep__Output as _plexus_v1_PipelineStep__Output } from '../../plexus/v1/PipelineStep.js';

export interface DescribeResponse {
  'info'?: (_plexus_v1_PipelineInfo | null);
  'inputs'?: (_plexus_v1_PipelineField)[];
  'outputs'?: (_plexus_v1_PipelineField)[];
  'steps'?: (_plexus_v1_PipelineStep)[];
  'yaml'?: (string);
}

export interface DescribeResponse__Output {
  'info': (_plexus_v1_PipelineInfo__Output | null);
  'inputs': (_plexus_v1_PipelineField__Output)[];
  'outputs': (_plexus_v1_PipelineField__Output)[];
  'steps': (_plexus_v1_PipelineStep__Output)[];
  'yaml': (string);
}
