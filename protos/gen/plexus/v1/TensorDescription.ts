// Original file: protos/plexus/v1/infer.proto

import type { DataType as _plexus_v1_DataType, DataType__Output as _plexus_v1_DataType__Output } from '../../plexus/v1/DataType.js';
import type { Dimension as _plexus_v1_Dimension, Dimension__Output as _plexus_v1_Dimension__Output } from '../../plexus/v1/Dimension.js';

export interface TensorDescription {
  'name'?: (string);
  'type'?: (_plexus_v1_DataType);
  'shape'?: (_plexus_v1_Dimension)[];
}

export interface TensorDescription__Output {
  'name': (string);
  'type': (_plexus_v1_DataType__Output);
  'shape': (_plexus_v1_Dimension__Output)[];
}
