// Original file: protos/plexus/v1/embed.proto


export interface SimilarityPair {
  'source'?: (string);
  'text'?: (string);
}

export interface SimilarityPair__Output {
  'source': (string);
  'text': (string);
}
