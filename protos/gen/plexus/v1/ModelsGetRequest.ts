// Original file: protos/plexus/v1/models.proto


export interface ModelsGetRequest {
  'model'?: (string);
  'capability'?: (string);
}

export interface ModelsGetRequest__Output {
  'model': (string);
  'capability': (string);
}
