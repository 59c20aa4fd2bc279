// Original file: protos/plexus/v1/embed.proto


export interface SparseEmbedding {
  'ids'?: (number)[];
  'weights'?: (number | string)[];
  'vocabulary'?: (string)[];
  'tokens'?: (number);
  'truncated'?: (boolean);
}

export interface SparseEmbedding__Output {
  'ids': (number)[];
  'weights': (number)[];
  'vocabulary': (string)[];
  'tokens': (number);
  'truncated': (boolean);
}
