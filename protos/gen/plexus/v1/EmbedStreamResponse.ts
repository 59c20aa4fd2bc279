// Original file: protos/plexus/v1/embed.proto

import type { EmbedResponse as _plexus_v1_EmbedResponse, EmbedResponse__Output as _plexus_v1_EmbedResponse__Output } from '../../plexus/v1/EmbedResponse.js';
import type { Problem as _plexus_v1_Problem, Problem__Output as _plexus_v1_Problem__Output } from '../../plexus/v1/Problem.js';

export interface EmbedStreamResponse {
  'id'?: (string);
  'response'?: (_plexus_v1_EmbedResponse | null);
  'problem'?: (_plexus_v1_Problem | null);
  'result'?: "response"|"problem";
}

export interface EmbedStreamResponse__Output {
  'id': (string);
  'response'?: (_plexus_v1_EmbedResponse__Output | null);
  'problem'?: (_plexus_v1_Problem__Output | null);
  'result'?: "response"|"problem";
}
