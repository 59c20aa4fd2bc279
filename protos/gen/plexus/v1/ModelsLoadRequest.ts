// Original file: protos/plexus/v1/models.proto


export interface ModelsLoadRequest {
  'model'?: (string);
  'capability'?: (string);
}

export interface ModelsLoadRequest__Output {
  'model': (string);
  'capability': (string);
}
