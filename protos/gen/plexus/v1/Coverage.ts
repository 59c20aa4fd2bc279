// Original file: protos/plexus/v1/summarize.proto


export interface Coverage {
  'sourceTokens'?: (number);
  'readTokens'?: (number);
  'parts'?: (number);
}

export interface Coverage__Output {
  'sourceTokens': (number);
  'readTokens': (number);
  'parts': (number);
}
