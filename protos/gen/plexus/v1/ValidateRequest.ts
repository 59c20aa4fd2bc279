// Original file: protos/plexus/v1/pipelines.proto


export interface ValidateRequest {
  'yaml'?: (string);
}

export interface ValidateRequest__Output {
  'yaml': (string);
}
