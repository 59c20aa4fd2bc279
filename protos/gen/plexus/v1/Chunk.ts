// Original file: protos/plexus/v1/tokenize.proto


export interface Chunk {
  'text'?: (string);
  'tokens'?: (number);
  'utf16Start'?: (number);
  'utf16End'?: (number);
  'byteStart'?: (number);
  'byteEnd'?: (number);
}

export interface Chunk__Output {
  'text': (string);
  'tokens': (number);
  'utf16Start': (number);
  'utf16End': (number);
  'byteStart': (number);
  'byteEnd': (number);
}
