// Original file: protos/plexus/v1/embed.proto

import type { Pooling as _plexus_v1_Pooling, Pooling__Output as _plexus_v1_Pooling__Output } from '../../plexus/v1/Pooling.js';
import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';
import type { VectorFormat as _plexus_v1_VectorFormat, VectorFormat__Output as _plexus_v1_VectorFormat__Output } from '../../plexus/v1/VectorFormat.js';

export interface EmbedRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'pooling'?: (_plexus_v1_Pooling);
  'normalize'?: (boolean);
  'promptName'?: (string);
  'dimensions'?: (number);
  'truncate'?: (_plexus_v1_Truncate);
  'format'?: (_plexus_v1_VectorFormat);
  'noPrompt'?: (boolean);
  '_normalize'?: "normalize";
}

export interface EmbedRequest__Output {
  'model': (string);
  'texts': (string)[];
  'pooling': (_plexus_v1_Pooling__Output);
  'normalize'?: (boolean);
  'promptName': (string);
  'dimensions': (number);
  'truncate': (_plexus_v1_Truncate__Output);
  'format': (_plexus_v1_VectorFormat__Output);
  'noPrompt': (boolean);
  '_normalize'?: "normalize";
}
