// Original file: protos/plexus/v1/classify.proto


export interface TextPair {
  'text'?: (string);
  'pair'?: (string);
}

export interface TextPair__Output {
  'text': (string);
  'pair': (string);
}
