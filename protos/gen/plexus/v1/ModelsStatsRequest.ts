// Original file: protos/plexus/v1/models.proto


export interface ModelsStatsRequest {
  'model'?: (string);
  'capability'?: (string);
}

export interface ModelsStatsRequest__Output {
  'model': (string);
  'capability': (string);
}
