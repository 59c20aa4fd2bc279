// Original file: protos/plexus/v1/common.proto


export interface Usage {
  'texts'?: (number);
  'inputTokens'?: (number);
  'outputTokens'?: (number);
}

export interface Usage__Output {
  'texts': (number);
  'inputTokens': (number);
  'outputTokens': (number);
}
