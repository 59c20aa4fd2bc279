// Original file: protos/plexus/v1/tokenize.proto

import type { ServedModel as _plexus_v1_ServedModel, ServedModel__Output as _plexus_v1_ServedModel__Output } from '../../plexus/v1/ServedModel.js';
import type { Usage as _plexus_v1_Usage, Usage__Output as _plexus_v1_Usage__Output } from '../../plexus/v1/Usage.js';
import type { Timings as _plexus_v1_Timings, Timings__Output as _plexus_v1_Timings__Output } from '../../plexus/v1/Timings.js';

export interface DecodeResponse {
  'model'?: (_plexus_v1_ServedModel | null);
  'usage'?: (_plexus_v1_Usage | null);
  'timings'?: (_plexus_v1_Timings | null);
  'texts'?: (string)[];
}

export interface DecodeResponse__Output {
  'model': (_plexus_v1_ServedModel__Output | null);
  'usage': (_plexus_v1_Usage__Output | null);
  'timings': (_plexus_v1_Timings__Output | null);
  'texts': (string)[];
}
