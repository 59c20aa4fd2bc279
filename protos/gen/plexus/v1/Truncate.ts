// Original file: protos/plexus/v1/common.proto

export const Truncate = {
  TRUNCATE_UNSPECIFIED: 'TRUNCATE_UNSPECIFIED',
  TRUNCATE_RIGHT: 'TRUNCATE_RIGHT',
  TRUNCATE_LEFT: 'TRUNCATE_LEFT',
  TRUNCATE_REFUSE: 'TRUNCATE_REFUSE',
} as const;

export type Truncate =
  | 'TRUNCATE_UNSPECIFIED'
  | 0
  | 'TRUNCATE_RIGHT'
  | 1
  | 'TRUNCATE_LEFT'
  | 2
  | 'TRUNCATE_REFUSE'
  | 3

export type Truncate__Output = typeof Truncate[keyof typeof Truncate]
