// Original file: protos/plexus/v1/registry.proto

import type { Instance as _plexus_v1_Instance, Instance__Output as _plexus_v1_Instance__Output } from '../../plexus/v1/Instance.js';

export interface AnnounceRequest {
  'instance'?: (_plexus_v1_Instance | null);
}

export interface AnnounceRequest__Output {
  'instance': (_plexus_v1_Instance__Output | null);
}
