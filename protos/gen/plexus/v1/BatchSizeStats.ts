// Original file: protos/plexus/v1/models.proto

import type { Long } from '@grpc/proto-loader';

export interface BatchSizeStats {
  'rowsMax'?: (number);
  'batches'?: (number | string | Long);
  'texts'?: (number | string | Long);
  'tokens'?: (number | string | Long);
  'paddedTokens'?: (number | string | Long);
  'queueNs'?: (number | string | Long);
  'batchNs'?: (number | string | Long);
  'computeNs'?: (number | string | Long);
}

export interface BatchSizeStats__Output {
  'rowsMax': (number);
  'batches': (number);
  'texts': (number);
  'tokens': (number);
  'paddedTokens': (number);
  'queueNs': (number);
  'batchNs': (number);
  'computeNs': (number);
}
