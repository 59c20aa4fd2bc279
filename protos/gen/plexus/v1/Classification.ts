// Original file: protos/plexus/v1/classify.proto

import type { LabelScore as _plexus_v1_LabelScore, LabelScore__Output as _plexus_v1_LabelScore__Output } from '../../plexus/v1/LabelScore.js';

export interface Classification {
  'labels'?: (_plexus_v1_LabelScore)[];
  'tokens'?: (number);
  'truncated'?: (boolean);
}

export interface Classification__Output {
  'labels': (_plexus_v1_LabelScore__Output)[];
  'tokens': (number);
  'truncated': (boolean);
}
