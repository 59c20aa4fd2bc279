// Original file: protos/plexus/v1/pipelines.proto


export interface PipelineStep {
  'name'?: (string);
  'call'?: (string);
  'after'?: (string)[];
  'when'?: (string);
}

export interface PipelineStep__Output {
  'name': (string);
  'call': (string);
  'after': (string)[];
  'when': (string);
}
