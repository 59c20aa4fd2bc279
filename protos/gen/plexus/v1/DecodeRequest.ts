// Original file: protos/plexus/v1/tokenize.proto

import type { TokenIds as _plexus_v1_TokenIds, TokenIds__Output as _plexus_v1_TokenIds__Output } from '../../plexus/v1/TokenIds.js';

export interface DecodeRequest {
  'model'?: (string);
  'sequences'?: (_plexus_v1_TokenIds)[];
  'skipSpecialTokens'?: (boolean);
  '_skipSpecialTokens'?: "skipSpecialTokens";
}

export interface DecodeRequest__Output {
  'model': (string);
  'sequences': (_plexus_v1_TokenIds__Output)[];
  'skipSpecialTokens'?: (boolean);
  '_skipSpecialTokens'?: "skipSpecialTokens";
}
