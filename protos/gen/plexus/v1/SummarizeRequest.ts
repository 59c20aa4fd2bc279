// Original file: protos/plexus/v1/summarize.proto

import type { SummarizeMode as _plexus_v1_SummarizeMode, SummarizeMode__Output as _plexus_v1_SummarizeMode__Output } from '../../plexus/v1/SummarizeMode.js';
import type { SummaryLength as _plexus_v1_SummaryLength, SummaryLength__Output as _plexus_v1_SummaryLength__Output } from '../../plexus/v1/SummaryLength.js';
import type { GenerationParameters as _plexus_v1_GenerationParameters, GenerationParameters__Output as _plexus_v1_GenerationParameters__Output } from '../../plexus/v1/GenerationParameters.js';
import type { SummaryFormat as _plexus_v1_SummaryFormat, SummaryFormat__Output as _plexus_v1_SummaryFormat__Output } from '../../plexus/v1/SummaryFormat.js';
import type { Combine as _plexus_v1_Combine, Combine__Output as _plexus_v1_Combine__Output } from '../../plexus/v1/Combine.js';

export interface SummarizeRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'mode'?: (_plexus_v1_SummarizeMode);
  'length'?: (_plexus_v1_SummaryLength | null);
  'generation'?: (_plexus_v1_GenerationParameters | null);
  'focus'?: (string);
  'format'?: (_plexus_v1_SummaryFormat);
  'combine'?: (_plexus_v1_Combine);
  'faithfulness'?: (boolean);
  'language'?: (string);
}

export interface SummarizeRequest__Output {
  'model': (string);
  'texts': (string)[];
  'mode': (_plexus_v1_SummarizeMode__Output);
  'length': (_plexus_v1_SummaryLength__Output | null);
  'generation': (_plexus_v1_GenerationParameters__Output | null);
  'focus': (string);
  'format': (_plexus_v1_SummaryFormat__Output);
  'combine': (_plexus_v1_Combine__Output);
  'faithfulness': (boolean);
  'language': (string);
}
