// Original file: protos/plexus/v1/embed.proto

import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';
import type { VectorFormat as _plexus_v1_VectorFormat, VectorFormat__Output as _plexus_v1_VectorFormat__Output } from '../../plexus/v1/VectorFormat.js';

export interface EmbedTokensRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'normalize'?: (boolean);
  'promptName'?: (string);
  'dimensions'?: (number);
  'truncate'?: (_plexus_v1_Truncate);
  'format'?: (_plexus_v1_VectorFormat);
  'skipSpecialTokens'?: (boolean);
  'noPrompt'?: (boolean);
  '_normalize'?: "normalize";
}

export interface EmbedTokensRequest__Output {
  'model': (string);
  'texts': (string)[];
  'normalize'?: (boolean);
  'promptName': (string);
  'dimensions': (number);
  'truncate': (_plexus_v1_Truncate__Output);
  'format': (_plexus_v1_VectorFormat__Output);
  'skipSpecialTokens': (boolean);
  'noPrompt': (boolean);
  '_normalize'?: "normalize";
}
