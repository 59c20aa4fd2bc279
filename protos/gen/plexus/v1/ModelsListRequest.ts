// Original file: protos/plexus/v1/models.proto


export interface ModelsListRequest {
  'capability'?: (string);
}

export interface ModelsListRequest__Output {
  'capability': (string);
}
