// Original file: protos/plexus/v1/embed.proto

export const Pooling = {
  POOLING_UNSPECIFIED: 'POOLING_UNSPECIFIED',
  POOLING_MEAN: 'POOLING_MEAN',
  POOLING_CLS: 'POOLING_CLS',
  POOLING_LAST: 'POOLING_LAST',
  POOLING_MAX: 'POOLING_MAX',
  POOLING_WEIGHTED_MEAN: 'POOLING_WEIGHTED_MEAN',
  POOLING_MEAN_SQRT_LEN: 'POOLING_MEAN_SQRT_LEN',
} as const;

export type Pooling =
  | 'POOLING_UNSPECIFIED'
  | 0
  | 'POOLING_MEAN'
  | 1
  | 'POOLING_CLS'
  | 2
  | 'POOLING_LAST'
  | 3
  | 'POOLING_MAX'
  | 4
  | 'POOLING_WEIGHTED_MEAN'
  | 5
  | 'POOLING_MEAN_SQRT_LEN'
  | 6

export type Pooling__Output = typeof Pooling[keyof typeof Pooling]
