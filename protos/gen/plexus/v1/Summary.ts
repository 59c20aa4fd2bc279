// Original file: protos/plexus/v1/summarize.proto

import type { SummarizeMode as _plexus_v1_SummarizeMode, SummarizeMode__Output as _plexus_v1_SummarizeMode__Output } from '../../plexus/v1/SummarizeMode.js';
import type { SourceSpan as _plexus_v1_SourceSpan, SourceSpan__Output as _plexus_v1_SourceSpan__Output } from '../../plexus/v1/SourceSpan.js';
import type { Coverage as _plexus_v1_Coverage, Coverage__Output as _plexus_v1_Coverage__Output } from '../../plexus/v1/Coverage.js';
import type { FinishReason as _plexus_v1_FinishReason, FinishReason__Output as _plexus_v1_FinishReason__Output } from '../../plexus/v1/FinishReason.js';
import type { GeneratedSequence as _plexus_v1_GeneratedSequence, GeneratedSequence__Output as _plexus_v1_GeneratedSequence__Output } from '../../plexus/v1/GeneratedSequence.js';

export interface Summary {
  'text'?: (string);
  'mode'?: (_plexus_v1_SummarizeMode);
  'spans'?: (_plexus_v1_SourceSpan)[];
  'coverage'?: (_plexus_v1_Coverage | null);
  'finishReason'?: (_plexus_v1_FinishReason);
  'sequences'?: (_plexus_v1_GeneratedSequence)[];
  'faithfulness'?: (number | string);
  'warnings'?: (string)[];
  '_faithfulness'?: "faithfulness";
}

export interface Summary__Output {
  'text': (string);
  'mode': (_plexus_v1_SummarizeMode__Output);
  'spans': (_plexus_v1_SourceSpan__Output)[];
  'coverage': (_plexus_v1_Coverage__Output | null);
  'finishReason': (_plexus_v1_FinishReason__Output);
  'sequences': (_plexus_v1_GeneratedSequence__Output)[];
  'faithfulness'?: (number);
  'warnings': (string)[];
  '_faithfulness'?: "faithfulness";
}
