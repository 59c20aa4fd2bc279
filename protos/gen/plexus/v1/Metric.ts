// Original file: protos/plexus/v1/embed.proto

export const Metric = {
  METRIC_UNSPECIFIED: 'METRIC_UNSPECIFIED',
  METRIC_COSINE: 'METRIC_COSINE',
  METRIC_DOT: 'METRIC_DOT',
  METRIC_EUCLIDEAN: 'METRIC_EUCLIDEAN',
  METRIC_MAX_SIM: 'METRIC_MAX_SIM',
} as const;

export type Metric =
  | 'METRIC_UNSPECIFIED'
  | 0
  | 'METRIC_COSINE'
  | 1
  | 'METRIC_DOT'
  | 2
  | 'METRIC_EUCLIDEAN'
  | 3
  | 'METRIC_MAX_SIM'
  | 4

export type Metric__Output = typeof Metric[keyof typeof Metric]
