// Original file: protos/plexus/v1/classify.proto


export interface RankedText {
  'index'?: (number);
  'score'?: (number | string);
  'text'?: (string);
  'tokens'?: (number);
  'truncated'?: (boolean);
}

export interface RankedText__Output {
  'index': (number);
  'score': (number);
  'text': (string);
  'tokens': (number);
  'truncated': (boolean);
}
