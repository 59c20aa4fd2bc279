// Original file: protos/plexus/v1/tokenize.proto


export interface CountRequest {
  'model'?: (string);
  'texts'?: (string)[];
  'addSpecialTokens'?: (boolean);
  '_addSpecialTokens'?: "addSpecialTokens";
}

export interface CountRequest__Output {
  'model': (string);
  'texts': (string)[];
  'addSpecialTokens'?: (boolean);
  '_addSpecialTokens'?: "addSpecialTokens";
}
