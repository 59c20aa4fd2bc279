// Original file: protos/plexus/v1/embed.proto

import type { EmbedRequest as _plexus_v1_EmbedRequest, EmbedRequest__Output as _plexus_v1_EmbedRequest__Output } from '../../plexus/v1/EmbedRequest.js';

export interface EmbedStreamRequest {
  'id'?: (string);
  'request'?: (_plexus_v1_EmbedRequest | null);
}

export interface EmbedStreamRequest__Output {
  'id': (string);
  'request': (_plexus_v1_EmbedRequest__Output | null);
}
