// Original file: protos/plexus/v1/pipelines.proto

import type { RunResponse as _plexus_v1_RunResponse, RunResponse__Output as _plexus_v1_RunResponse__Output } from '../../plexus/v1/RunResponse.js';

export interface ExplainResponse {
  'text'?: (string);
  'mermaid'?: (string);
  'run'?: (_plexus_v1_RunResponse | null);
}

export interface ExplainResponse__Output {
  'text': (string);
  'mermaid': (string);
  'run': (_plexus_v1_RunResponse__Output | null);
}
