// Original file: protos/plexus/v1/classify.proto

import type { Entity as _plexus_v1_Entity, Entity__Output as _plexus_v1_Entity__Output } from '../../plexus/v1/Entity.js';

export interface TokenClassification {
  'entities'?: (_plexus_v1_Entity)[];
  'tokens'?: (number);
  'truncated'?: (boolean);
}

export interface TokenClassification__Output {
  'entities': (_plexus_v1_Entity__Output)[];
  'tokens': (number);
  'truncated': (boolean);
}
