// Original file: protos/plexus/v1/summarize.proto

export const Combine = {
  COMBINE_UNSPECIFIED: 'COMBINE_UNSPECIFIED',
  COMBINE_MAP_REDUCE: 'COMBINE_MAP_REDUCE',
  COMBINE_REFINE: 'COMBINE_REFINE',
  COMBINE_EXTRACT_THEN_ABSTRACT: 'COMBINE_EXTRACT_THEN_ABSTRACT',
} as const;

export type Combine =
  | 'COMBINE_UNSPECIFIED'
  | 0
  | 'COMBINE_MAP_REDUCE'
  | 1
  | 'COMBINE_REFINE'
  | 2
  | 'COMBINE_EXTRACT_THEN_ABSTRACT'
  | 3

export type Combine__Output = typeof Combine[keyof typeof Combine]
