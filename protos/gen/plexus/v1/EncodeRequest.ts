// Original file: protos/plexus/v1/tokenize.proto

import type { Truncation as _plexus_v1_Truncation, Truncation__Output as _plexus_v1_Truncation__Output } from '../../plexus/v1/Truncation.js';

export interface EncodeRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'pairs'?: (string)[];
  'addSpecialTokens'?: (boolean);
  'truncation'?: (_plexus_v1_Truncation | null);
  '_addSpecialTokens'?: "addSpecialTokens";
}

export interface EncodeRequest__Output {
  'model': (string);
  'texts': (string)[];
  'pairs': (string)[];
  'addSpecialTokens'?: (boolean);
  'truncation': (_plexus_v1_Truncation__Output | null);
  '_addSpecialTokens'?: "addSpecialTokens";
}
