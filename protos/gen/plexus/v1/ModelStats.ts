// Original file: protos/plexus/v1/models.proto

import type { BatchSizeStats as _plexus_v1_BatchSizeStats, BatchSizeStats__Output as _plexus_v1_BatchSizeStats__Output } from '../../plexus/v1/BatchSizeStats.js';
import type { CallerStats as _plexus_v1_CallerStats, CallerStats__Output as _plexus_v1_CallerStats__Output } from '../../plexus/v1/CallerStats.js';
import type { Long } from '@grpc/proto-loader';

export interface ModelStats {
  'name'?: (string);
  'version'?: (string);
  'instance'?: (string);
  'requests'?: (number | string | Long);
  'texts'?: (number | string | Long);
  'tokens'?: (number | string | Long);
  'failures'?: (number | string | Long);
  'dropped'?: (number | string | Long);
  'batches'?: (number | string | Long);
  'paddedTokens'?: (number | string | Long);
  'tokenizeNs'?: (number | string | Long);
  'queueNs'?: (number | string | Long);
  'computeNs'?: (number | string | Long);
  'queueLength'?: (number);
  'queueTokens'?: (number | string | Long);
  'memoryBytes'?: (number | string | Long);
  'generatedTokens'?: (number | string | Long);
  'batchNs'?: (number | string | Long);
  'batchSizes'?: (_plexus_v1_BatchSizeStats)[];
  'criticalities'?: (_plexus_v1_CallerStats)[];
  'tenants'?: (_plexus_v1_CallerStats)[];
}

export interface ModelStats__Output {
  'name': (string);
  'version': (string);
  'instance': (string);
  'requests': (number);
  'texts': (number);
  'tokens': (number);
  'failures': (number);
  'dropped': (number);
  'batches': (number);
  'paddedTokens': (number);
  'tokenizeNs': (number);
  'queueNs': (number);
  'computeNs': (number);
  'queueLength': (number);
  'queueTokens': (number);
  'memoryBytes': (number);
  'generatedTokens': (number);
  'batchNs': (number);
  'batchSizes': (_plexus_v1_BatchSizeStats__Output)[];
  'criticalities': (_plexus_v1_CallerStats__Output)[];
  'tenants': (_plexus_v1_CallerStats__Output)[];
}
