// Original file: protos/plexus/v1/common.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

export interface Problem {
  'code'?: (string);
  'message'?: (string);
  'field'?: (string);
  'retryable'?: (boolean);
  'retryAfter'?: (_google_protobuf_Duration | null);
}

export interface Problem__Output {
  'code': (string);
  'message': (string);
  'field': (string);
  'retryable': (boolean);
  'retryAfter': (_google_protobuf_Duration__Output | null);
}
