// Original file: protos/plexus/v1/classify.proto

import type { ServedModel as _plexus_v1_ServedModel, ServedModel__Output as _plexus_v1_ServedModel__Output } from '../../plexus/v1/ServedModel.js';
import type { Usage as _plexus_v1_Usage, Usage__Output as _plexus_v1_Usage__Output } from '../../plexus/v1/Usage.js';
import type { Timings as _plexus_v1_Timings, Timings__Output as _plexus_v1_Timings__Output } from '../../plexus/v1/Timings.js';
import type { TokenClassification as _plexus_v1_TokenClassification, TokenClassification__Output as _plexus_v1_TokenClassification__Output } from '../../plexus/v1/TokenClassification.js';

export interface ClassifyTokensResponse {
  'model'?: (_plexus_v1_ServedModel | null);
  'usage'?: (_plexus_v1_Usage | null);
  'timings'?: (_plexus_v1_Timings | null);
  'classifications'?: (_plexus_v1_TokenClassification)[];
}

export interface ClassifyTokensResponse__Output {
  'model': (_plexus_v1_ServedModel__Output | null);
  'usage': (_plexus_v1_Usage__Output | null);
  'timings': (_plexus_v1_Timings__Output | null);
  'classifications': (_plexus_v1_TokenClassification__Output)[];
}
