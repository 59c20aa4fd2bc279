// Original file: protos/plexus/v1/classify.proto

import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';

export interface ZeroShotRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'labels'?: (string)[];
  'hypothesisTemplate'?: (string);
  'topK'?: (number);
  'multiLabel'?: (boolean);
  'threshold'?: (number | string);
  'rawScores'?: (boolean);
  'truncate'?: (_plexus_v1_Truncate);
  '_threshold'?: "threshold";
}

export interface ZeroShotRequest__Output {
  'model': (string);
  'texts': (string)[];
  'labels': (string)[];
  'hypothesisTemplate': (string);
  'topK': (number);
  'multiLabel': (boolean);
  'threshold'?: (number);
  'rawScores': (boolean);
  'truncate': (_plexus_v1_Truncate__Output);
  '_threshold'?: "threshold";
}
