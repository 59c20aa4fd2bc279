// Original file: protos/plexus/v1/embed.proto

import type { ServedModel as _plexus_v1_ServedModel, ServedModel__Output as _plexus_v1_ServedModel__Output } from '../../plexus/v1/ServedModel.js';
import type { Usage as _plexus_v1_Usage, Usage__Output as _plexus_v1_Usage__Output } from '../../plexus/v1/Usage.js';
import type { Timings as _plexus_v1_Timings, Timings__Output as _plexus_v1_Timings__Output } from '../../plexus/v1/Timings.js';
import type { TokenEmbeddings as _plexus_v1_TokenEmbeddings, TokenEmbeddings__Output as _plexus_v1_TokenEmbeddings__Output } from '../../plexus/v1/TokenEmbeddings.js';

export interface EmbedTokensResponse {
  'model'?: (_plexus_v1_ServedModel | null);
  'usage'?: (_plexus_v1_Usage | null);
  'timings'?: (_plexus_v1_Timings | null);
  'embeddings'?: (_plexus_v1_TokenEmbeddings)[];
  'dimensions'?: (number);
}

export interface EmbedTokensResponse__Output {
  'model': (_plexus_v1_ServedModel__Output | null);
  'usage': (_plexus_v1_Usage__Output | null);
  'timings': (_plexus_v1_Timings__Output | null);
  'embeddings': (_plexus_v1_TokenEmbeddings__Output)[];
  'dimensions': (number);
}
