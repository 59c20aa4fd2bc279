// Original file: protos/plexus/v1/embed.proto

import type { Metric as _plexus_v1_Metric, Metric__Output as _plexus_v1_Metric__Output } from '../../plexus/v1/Metric.js';
import type { Truncate as _plexus_v1_Truncate, Truncate__Output as _plexus_v1_Truncate__Output } from '../../plexus/v1/Truncate.js';

export interface SimilarityRequest {
  'model'?: (string);
  'source'?: (string);
  'texts'?: (string)[];
  'metric'?: (_plexus_v1_Metric);
  'promptName'?: (string);
  'truncate'?: (_plexus_v1_Truncate);
}

export interface SimilarityRequest__Output {
  'model': (string);
  'source': (string);
  'texts': (string)[];
  'metric': (_plexus_v1_Metric__Output);
  'promptName': (string);
  'truncate': (_plexus_v1_Truncate__Output);
}
