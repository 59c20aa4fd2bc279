// Original file: protos/plexus/v1/classify.proto

import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';

export interface RerankRequest {
  'model'?: (string);
  'query'?: (string);
  'texts'?: (string)[];
  'topK'?: (number);
  'rawScores'?: (boolean);
  'returnTexts'?: (boolean);
  'truncate'?: (_plexus_v1_Truncate);
}

export interface RerankRequest__Output {
  'model': (string);
  'query': (string);
  'texts': (string)[];
  'topK': (number);
  'rawScores': (boolean);
  'returnTexts': (boolean);
  'truncate': (_plexus_v1_Truncate__Output);
}
