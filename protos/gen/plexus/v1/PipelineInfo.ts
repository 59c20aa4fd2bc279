// Original file: protos/plexus/v1/pipelines.proto


export interface PipelineInfo {
  'name'?: (string);
  'version'?: (string);
  'description'?: (string);
}

export interface PipelineInfo__Output {
  'name': (string);
  'version': (string);
  'description': (string);
}
