// Original file: protos/plexus/v1/pipelines.proto

import type { Struct as _google_protobuf_Struct, Struct__Output as _google_protobuf_Struct__Output } from '../../google/protobuf/Struct.js';

export interface RunRequest {
  'pipeline'?: (string);
  'input'?: (_google_protobuf_Struct | null);
}

export interface RunRequest__Output {
  'pipeline': (string);
  'input': (_google_protobuf_Struct__Output | null);
}
