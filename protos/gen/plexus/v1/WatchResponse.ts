// Original file: protos/plexus/v1/registry.proto

import type { Instance as _plexus_v1_Instance, Instance__Output as _plexus_v1_Instance__Output } from '../../plexus/v1/Instance.js';

export interface WatchResponse {
  'instances'?: (_plexus_v1_Instance)[];
}

export interface WatchResponse__Output {
  'instances': (_plexus_v1_Instance__Output)[];
}
