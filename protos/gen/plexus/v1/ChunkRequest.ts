// Original file: protos/plexus/v1/tokenize.proto


export interface ChunkRequest {
  'model'?: (string);
  'text'?: (string);
  'maxTokens'?: (number);
  'overlapTokens'?: (number);
  'language'?: (string);
}

export interface ChunkRequest__Output {
  'model': (string);
  'text': (string);
  'maxTokens': (number);
  'overlapTokens': (number);
  'language': (string);
}
