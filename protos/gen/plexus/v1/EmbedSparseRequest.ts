// Original file: protos/plexus/v1/embed.proto

import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';

export interface EmbedSparseRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'topK'?: (number);
  'threshold'?: (number | string);
  'withTokens'?: (boolean);
  'promptName'?: (string);
  'truncate'?: (_plexus_v1_Truncate);
  'noPrompt'?: (boolean);
}

export interface EmbedSparseRequest__Output {
  'model': (string);
  'texts': (string)[];
  'topK': (number);
  'threshold': (number);
  'withTokens': (boolean);
  'promptName': (string);
  'truncate': (_plexus_v1_Truncate__Output);
  'noPrompt': (boolean);
}
