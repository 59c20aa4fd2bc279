// Original file: protos/plexus/v1/summarize.proto

import type { SummarizeResponse as _plexus_v1_SummarizeResponse, SummarizeResponse__Output as _plexus_v1_SummarizeResponse__Output } from '../../plexus/v1/SummarizeResponse.js';

export interface SummarizeStreamResponse {
  'delta'?: (string);
  'done'?: (_plexus_v1_SummarizeResponse | null);
  'event'?: "delta"|"done";
}

export interface SummarizeStreamResponse__Output {
  'delta'?: (string);
  'done'?: (_plexus_v1_SummarizeResponse__Output | null);
  'event'?: "delta"|"done";
}
