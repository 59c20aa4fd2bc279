// Original file: protos/plexus/v1/pipelines.proto


export interface StepStarted {
  'name'?: (string);
  'call'?: (string);
  'startedMs'?: (number | string);
}

export interface StepStarted__Output {
  'name': (string);
  'call': (string);
  'startedMs': (number);
}
