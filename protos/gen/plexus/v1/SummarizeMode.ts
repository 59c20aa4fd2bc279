// Original file: protos/plexus/v1/summarize.proto

export const SummarizeMode = {
  SUMMARIZE_MODE_UNSPECIFIED: 'SUMMARIZE_MODE_UNSPECIFIED',
  SUMMARIZE_MODE_EXTRACTIVE: 'SUMMARIZE_MODE_EXTRACTIVE',
  SUMMARIZE_MODE_ABSTRACTIVE: 'SUMMARIZE_MODE_ABSTRACTIVE',
} as const;

export type SummarizeMode =
  | 'SUMMARIZE_MODE_UNSPECIFIED'
  | 0
  | 'SUMMARIZE_MODE_EXTRACTIVE'
  | 1
  | 'SUMMARIZE_MODE_ABSTRACTIVE'
  | 2

export type SummarizeMode__Output = typeof SummarizeMode[keyof typeof SummarizeMode]
