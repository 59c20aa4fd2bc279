// Original file: protos/plexus/v1/pipelines.proto


export interface PipelineField {
  'name'?: (string);
  'type'?: (string);
  'required'?: (boolean);
  'description'?: (string);
}

export interface PipelineField__Output {
  'name': (string);
  'type': (string);
  'required': (boolean);
  'description': (string);
}
