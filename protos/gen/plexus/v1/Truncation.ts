// Original file: protos/plexus/v1/tokenize.proto

import type { TruncationSide as _plexus_v1_TruncationSide, TruncationSide__Output as _plexus_v1_TruncationSide__Output } from '../../plexus/v1/TruncationSide.js';
import type { TruncationStrategy as _plexus_v1_TruncationStrategy, TruncationStrategy__Output as _plexus_v1_TruncationStrategy__Output } from '../../plexus/v1/TruncationStrategy.js';

export interface Truncation {
  'maxTokens'?: (number);
  'stride'?: (number);
  'side'?: (_plexus_v1_TruncationSide);
  'strategy'?: (_plexus_v1_TruncationStrategy);
}

export interface Truncation__Output {
  'maxTokens': (number);
  'stride': (number);
  'side': (_plexus_v1_TruncationSide__Output);
  'strategy': (_plexus_v1_TruncationStrategy__Output);
}
