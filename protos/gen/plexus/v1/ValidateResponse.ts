// Original file: protos/plexus/v1/pipelines.proto

import type { PipelineProblem as _plexus_v1_PipelineProblem, PipelineProblem__Output as _plexus_v1_PipelineProblem__Output } from '../../plexus/v1/PipelineProblem.js';

export interface ValidateResponse {
  'valid'?: (boolean);
  'problems'?: (_plexus_v1_PipelineProblem)[];
}

export interface ValidateResponse__Output {
  'valid': (boolean);
  'problems': (_plexus_v1_PipelineProblem__Output)[];
}
