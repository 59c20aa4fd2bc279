// Original file: protos/plexus/v1/summarize.proto

export const EarlyStopping = {
  EARLY_STOPPING_UNSPECIFIED: 'EARLY_STOPPING_UNSPECIFIED',
  EARLY_STOPPING_FALSE: 'EARLY_STOPPING_FALSE',
  EARLY_STOPPING_TRUE: 'EARLY_STOPPING_TRUE',
  EARLY_STOPPING_NEVER: 'EARLY_STOPPING_NEVER',
} as const;

export type EarlyStopping =
  | 'EARLY_STOPPING_UNSPECIFIED'
  | 0
  | 'EARLY_STOPPING_FALSE'
  | 1
  | 'EARLY_STOPPING_TRUE'
  | 2
  | 'EARLY_STOPPING_NEVER'
  | 3

export type EarlyStopping__Output = typeof EarlyStopping[keyof typeof EarlyStopping]
