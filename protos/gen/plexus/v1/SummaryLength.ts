// Original file: protos/plexus/v1/summarize.proto


export interface SummaryLength {
  'sentences'?: (number);
  'words'?: (number);
  'tokens'?: (number);
  'share'?: (number | string);
  'unit'?: "sentences"|"words"|"tokens"|"share";
}

export interface SummaryLength__Output {
  'sentences'?: (number);
  'words'?: (number);
  'tokens'?: (number);
  'share'?: (number);
  'unit'?: "sentences"|"words"|"tokens"|"share";
}
