// Original file: protos/plexus/v1/summarize.proto

export const FinishReason = {
  FINISH_REASON_UNSPECIFIED: 'FINISH_REASON_UNSPECIFIED',
  FINISH_REASON_EOS: 'FINISH_REASON_EOS',
  FINISH_REASON_LENGTH: 'FINISH_REASON_LENGTH',
  FINISH_REASON_STOP: 'FINISH_REASON_STOP',
  FINISH_REASON_REPETITION: 'FINISH_REASON_REPETITION',
} as const;

export type FinishReason =
  | 'FINISH_REASON_UNSPECIFIED'
  | 0
  | 'FINISH_REASON_EOS'
  | 1
  | 'FINISH_REASON_LENGTH'
  | 2
  | 'FINISH_REASON_STOP'
  | 3
  | 'FINISH_REASON_REPETITION'
  | 4

export type FinishReason__Output = typeof FinishReason[keyof typeof FinishReason]
