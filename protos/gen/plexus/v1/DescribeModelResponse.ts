// Original file: protos/plexus/v1/infer.proto

import type { ServedModel as _plexus_v1_ServedModel, ServedModel__Output as _plexus_v1_ServedModel__Output } from '../../plexus/v1/ServedModel.js';
import type { TensorDescription as _plexus_v1_TensorDescription, TensorDescription__Output as _plexus_v1_TensorDescription__Output } from '../../plexus/v1/TensorDescription.js';

export interface DescribeModelResponse {
  'model'?: (_plexus_v1_ServedModel | null);
  'inputs'?: (_plexus_v1_TensorDescription)[];
  'outputs'?: (_plexus_v1_TensorDescription)[];
  'batchable'?: (boolean);
}

export interface DescribeModelResponse__Output {
  'model': (_plexus_v1_ServedModel__Output | null);
  'inputs': (_plexus_v1_TensorDescription__Output)[];
  'outputs': (_plexus_v1_TensorDescription__Output)[];
  'batchable': (boolean);
}
