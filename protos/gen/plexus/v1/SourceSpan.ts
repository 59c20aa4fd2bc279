// Original file: protos/plexus/v1/summarize.proto


export interface SourceSpan {
  'utf16Start'?: (number);
  'utf16End'?: (number);
  'byteStart'?: (number);
  'byteEnd'?: (number);
  'score'?: (number | string);
}

export interface SourceSpan__Output {
  'utf16Start': (number);
  'utf16End': (number);
  'byteStart': (number);
  'byteEnd': (number);
  'score': (number);
}
