// Original file: protos/plexus/v1/tokenize.proto

export const TruncationSide = {
  TRUNCATION_SIDE_UNSPECIFIED: 'TRUNCATION_SIDE_UNSPECIFIED',
  TRUNCATION_SIDE_RIGHT: 'TRUNCATION_SIDE_RIGHT',
  TRUNCATION_SIDE_LEFT: 'TRUNCATION_SIDE_LEFT',
} as const;

export type TruncationSide =
  | 'TRUNCATION_SIDE_UNSPECIFIED'
  | 0
  | 'TRUNCATION_SIDE_RIGHT'
  | 1
  | 'TRUNCATION_SIDE_LEFT'
  | 2

export type TruncationSide__Output = typeof TruncationSide[keyof typeof TruncationSide]
