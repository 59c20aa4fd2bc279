// Original file: protos/plexus/v1/summarize.proto

export const SummaryFormat = {
  SUMMARY_FORMAT_UNSPECIFIED: 'SUMMARY_FORMAT_UNSPECIFIED',
  SUMMARY_FORMAT_PARAGRAPH: 'SUMMARY_FORMAT_PARAGRAPH',
  SUMMARY_FORMAT_BULLETS: 'SUMMARY_FORMAT_BULLETS',
} as const;

export type SummaryFormat =
  | 'SUMMARY_FORMAT_UNSPECIFIED'
  | 0
  | 'SUMMARY_FORMAT_PARAGRAPH'
  | 1
  | 'SUMMARY_FORMAT_BULLETS'
  | 2

export type SummaryFormat__Output = typeof SummaryFormat[keyof typeof SummaryFormat]
