// Original file: protos/plexus/v1/classify.proto

import type { Aggregation as _plexus_v1_Aggregation, Aggregation__Output as _plexus_v1_Aggregation__Output } from '../../plexus/v1/Aggregation.js';
import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';

export interface ClassifyTokensRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'aggregation'?: (_plexus_v1_Aggregation);
  'ignoreLabels'?: (string)[];
  'stride'?: (number);
  'truncate'?: (_plexus_v1_Truncate);
  '_stride'?: "stride";
}

export interface ClassifyTokensRequest__Output {
  'model': (string);
  'texts': (string)[];
  'aggregation': (_plexus_v1_Aggregation__Output);
  'ignoreLabels': (string)[];
  'stride'?: (number);
  'truncate': (_plexus_v1_Truncate__Output);
  '_stride'?: "stride";
}
