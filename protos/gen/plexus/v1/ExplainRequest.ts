// Original file: protos/plexus/v1/pipelines.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.js';

export interface ExplainRequest {
  'pipeline'?: (string);
  'analyze'?: (boolean);
  'input'?: (_google_protobuf_Struct | null);
}

export interface ExplainRequest__Output {
  'pipeline': (string);
  'analyze': (boolean);
  'input': (_google_protobuf_Struct__Output | null);
}
