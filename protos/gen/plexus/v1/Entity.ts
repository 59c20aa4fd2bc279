// Original file: protos/plexus/v1/classify.proto


export interface Entity {
  'label'?: (string);
  'score'?: (number | string);
  'text'?: (string);
  'word'?: (string);
  'utf16Start'?: (number);
  'utf16End'?: (number);
  'byteStart'?: (number);
  'byteEnd'?: (number);
  'token'?: (number);
  '_token'?: "token";
}

export interface Entity__Output {
  'label': (string);
  'score': (number);
  'text': (string);
  'word': (string);
  'utf16Start': (number);
  'utf16End': (number);
  'byteStart': (number);
  'byteEnd': (number);
  'token'?: (number);
  '_token'?: "token";
}
