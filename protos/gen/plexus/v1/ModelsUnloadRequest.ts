// Original file: protos/plexus/v1/models.proto


export interface ModelsUnloadRequest {
  'model'?: (string);
  'capability'?: (string);
}

export interface ModelsUnloadRequest__Output {
  'model': (string);
  'capability': (string);
}
