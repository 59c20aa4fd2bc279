// Original file: protos/plexus/v1/classify.proto

export const Aggregation = {
  AGGREGATION_UNSPECIFIED: 'AGGREGATION_UNSPECIFIED',
  AGGREGATION_NONE: 'AGGREGATION_NONE',
  AGGREGATION_SIMPLE: 'AGGREGATION_SIMPLE',
  AGGREGATION_FIRST: 'AGGREGATION_FIRST',
  AGGREGATION_AVERAGE: 'AGGREGATION_AVERAGE',
  AGGREGATION_MAX: 'AGGREGATION_MAX',
} as const;

export type Aggregation =
  | 'AGGREGATION_UNSPECIFIED'
  | 0
  | 'AGGREGATION_NONE'
  | 1
  | 'AGGREGATION_SIMPLE'
  | 2
  | 'AGGREGATION_FIRST'
  | 3
  | 'AGGREGATION_AVERAGE'
  | 4
  | 'AGGREGATION_MAX'
  | 5

export type Aggregation__Output = typeof Aggregation[keyof typeof Aggregation]
