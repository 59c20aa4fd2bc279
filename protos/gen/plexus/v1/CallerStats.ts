// Original file: protos/plexus/v1/models.proto

import type { Long } from '@grpc/proto-loader';

export interface CallerStats {
  'name'?: (string);
  'requests'?: (number | string | Long);
  'texts'?: (number | string | Long);
  'tokens'?: (number | string | Long);
  'shed'?: (number | string | Long);
}

export interface CallerStats__Output {
  'name': (string);
  'requests': (number);
  'texts': (number);
  'tokens': (number);
  'shed': (number);
}
