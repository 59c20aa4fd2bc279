// Original file: protos/plexus/v1/pipelines.proto


export interface PipelineProblem {
  'line'?: (number);
  'column'?: (number);
  'path'?: (string);
  'message'?: (string);
  'suggestion'?: (string);
}

export interface PipelineProblem__Output {
  'line': (number);
  'column': (number);
  'path': (string);
  'message': (string);
  'suggestion': (string);
}
