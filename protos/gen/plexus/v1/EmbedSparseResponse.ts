// Original file: protos/plexus/v1/embed.proto

import type { ServedModel as _plexus_v1_ServedModel, ServedModel__Output as _plexus_v1_ServedModel__Output } from '../../plexus/v1/ServedModel.js';
import type { Usage as _plexus_v1_Usage, Usage__Output as _plexus_v1_Usage__Output } from '../../plexus/v1/Usage.js';
import type { Timings as _plexus_v1_Timings, Timings__Output as _plexus_v1_Timings__Output } from '../../plexus/v1/Timings.js';
import type { SparseEmbedding as _plexus_v1_SparseEmbedding, SparseEmbedding__Output as _plexus_v1_SparseEmbedding__Output } from '../../plexus/v1/SparseEmbedding.js';

export interface EmbedSparseResponse {
  'model'?: (_plexus_v1_ServedModel | null);
  'usage'?: (_plexus_v1_Usage | null);
  'timings'?: (_plexus_v1_Timings | null);
  'embeddings'?: (_plexus_v1_SparseEmbedding)[];
  'dimensions'?: (number);
}

export interface EmbedSparseResponse__Output {
  'model': (_plexus_v1_ServedModel__Output | null);
  'usage': (_plexus_v1_Usage__Output | null);
  'timings': (_plexus_v1_Timings__Output | null);
  'embeddings': (_plexus_v1_SparseEmbedding__Output)[];
  'dimensions': (number);
}
