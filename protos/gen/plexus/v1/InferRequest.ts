// Original file: protos/plexus/v1/infer.proto

import type { Tensor as _plexus_v1_Tensor, Tensor__Output as _plexus_v1_Tensor__Output } from '../../plexus/v1/Tensor.js';
import type { TensorFormat as _plexus_v1_TensorFormat, TensorFormat__Output as _plexus_v1_TensorFormat__Output } from '../../plexus/v1/TensorFormat.js';

export interface InferRequest {
  'model'?: (string);
  'inputs'?: (_plexus_v1_Tensor)[];
  'outputs'?: (string)[];
  'format'?: (_plexus_v1_TensorFormat);
}

export interface InferRequest__Output {
  'model': (string);
  'inputs': (_plexus_v1_Tensor__Output)[];
  'outputs': (string)[];
  'format': (_plexus_v1_TensorFormat__Output);
}
