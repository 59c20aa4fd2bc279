// Original file: protos/plexus/v1/infer.proto

import type { InferResponse as _plexus_v1_InferResponse, InferResponse__Output as _plexus_v1_InferResponse__Output } from '../../plexus/v1/InferResponse.js';
import type { Problem as _plexus_v1_Problem, Problem__Output as _plexus_v1_Problem__Output } from '../../plexus/v1/Problem.js';

export interface InferStreamResponse {
  'id'?: (string);
  'response'?: (_plexus_v1_InferResponse | null);
  'problem'?: (_plexus_v1_Problem | null);
  'result'?: "response"|"problem";
}

export interface InferStreamResponse__Output {
  'id': (string);
  'response'?: (_plexus_v1_InferResponse__Output | null);
  'problem'?: (_plexus_v1_Problem__Output | null);
  'result'?: "response"|"problem";
}
