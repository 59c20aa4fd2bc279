// Original file: protos/plexus/v1/infer.proto

import type { Long } from '@grpc/proto-loader';

export interface Dimension {
  'fixed'?: (number | string | Long);
  'symbol'?: (string);
  'size'?: "fixed"|"symbol";
}

export interface Dimension__Output {
  'fixed'?: (number);
  'symbol'?: (string);
  'size'?: "fixed"|"symbol";
}
