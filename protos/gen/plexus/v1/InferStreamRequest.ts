// Original file: protos/plexus/v1/infer.proto

import type { InferRequest as _plexus_v1_InferRequest, InferRequest__Output as _plexus_v1_InferRequest__Output } from '../../plexus/v1/InferRequest.js';

export interface InferStreamRequest {
  'id'?: (string);
  'request'?: (_plexus_v1_InferRequest | null);
}

export interface InferStreamRequest__Output {
  'id': (string);
  'request': (_plexus_v1_InferRequest__Output | null);
}
