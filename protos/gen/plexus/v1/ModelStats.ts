// Original file: protos/plexus/v1/models.proto

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
}
