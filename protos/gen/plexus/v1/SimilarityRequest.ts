// Original file: protos/plexus/v1/embed.proto

import type { Metric as _plexus_v1_Metric, Metric__Output as _plexus_v1_Metric__Output } from '../../plexus/v1/Metric.js';
import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';
import type { SimilarityPair as _plexus_v1_SimilarityPair, SimilarityPair__Output as _plexus_v1_SimilarityPair__Output } from '../../plexus/v1/SimilarityPair.js';

export interface SimilarityRequest {
  'model'?: (string);
  'source'?: (string);
  'texts'?: (string)[];
  'metric'?: (_plexus_v1_Metric);
  'promptName'?: (string);
  'truncate'?: (_plexus_v1_Truncate);
  'sourcePromptName'?: (string);
  'pairs'?: (_plexus_v1_SimilarityPair)[];
  'noPrompt'?: (boolean);
  '_sourcePromptName'?: "sourcePromptName";
}

export interface SimilarityRequest__Output {
  'model': (string);
  'source': (string);
  'texts': (string)[];
  'metric': (_plexus_v1_Metric__Output);
  'promptName': (string);
  'truncate': (_plexus_v1_Truncate__Output);
  'sourcePromptName'?: (string);
  'pairs': (_plexus_v1_SimilarityPair__Output)[];
  'noPrompt': (boolean);
  '_sourcePromptName'?: "sourcePromptName";
}
