// Original file: protos/plexus/v1/summarize.proto

import type { FinishReason as _plexus_v1_FinishReason, FinishReason__Output as _plexus_v1_FinishReason__Output } from '../../plexus/v1/FinishReason.js';

export interface GeneratedSequence {
  'text'?: (string);
  'ids'?: (number)[];
  'score'?: (number | string);
  'logprobs'?: (number | string)[];
  'finishReason'?: (_plexus_v1_FinishReason);
  '_score'?: "score";
}

export interface GeneratedSequence__Output {
  'text': (string);
  'ids': (number)[];
  'score'?: (number);
  'logprobs': (number)[];
  'finishReason': (_plexus_v1_FinishReason__Output);
  '_score'?: "score";
}
