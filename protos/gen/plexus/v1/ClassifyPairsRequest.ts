// Original file: protos/plexus/v1/classify.proto

import type { TextPair as _plexus_v1_TextPair, TextPair__Output as _plexus_v1_TextPair__Output } from '../../plexus/v1/TextPair.js';
import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';

export interface ClassifyPairsRequest {
  'model'?: (string);
  'pairs'?: (_plexus_v1_TextPair)[];
  'topK'?: (number);
  'multiLabel'?: (boolean);
  'threshold'?: (number | string);
  'rawScores'?: (boolean);
  'truncate'?: (_plexus_v1_Truncate);
  '_multiLabel'?: "multiLabel";
  '_threshold'?: "threshold";
}

export interface ClassifyPairsRequest__Output {
  'model': (string);
  'pairs': (_plexus_v1_TextPair__Output)[];
  'topK': (number);
  'multiLabel'?: (boolean);
  'threshold'?: (number);
  'rawScores': (boolean);
  'truncate': (_plexus_v1_Truncate__Output);
  '_multiLabel'?: "multiLabel";
  '_threshold'?: "threshold";
}
