// Original file: protos/plexus/v1/summarize.proto


export interface TokenSequence {
  'ids'?: (number)[];
}

export interface TokenSequence__Output {
  'ids': (number)[];
}
