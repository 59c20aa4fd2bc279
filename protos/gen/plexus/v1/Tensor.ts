// Original file: protos/plexus/v1/infer.proto

import type { DataType as _plexus_v1_DataType, DataType__Output as _plexus_v1_DataType__Output } from '../../plexus/v1/DataType.js';
import type { Long } from '@grpc/proto-loader';

export interface Tensor {
  'name'?: (string);
  'type'?: (_plexus_v1_DataType);
  'shape'?: (number | string | Long)[];
  'data'?: (Buffer | Uint8Array | string);
  'values'?: (number | string)[];
  'strings'?: (string)[];
}

export interface Tensor__Output {
  'name': (string);
  'type': (_plexus_v1_DataType__Output);
  'shape': (number)[];
  'data': (Buffer);
  'values': (number)[];
  'strings': (string)[];
}
