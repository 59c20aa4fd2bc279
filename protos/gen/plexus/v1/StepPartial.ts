// Original file: protos/plexus/v1/pipelines.proto


export interface StepPartial {
  'name'?: (string);
  'delta'?: (string);
  'item'?: (number);
}

export interface StepPartial__Output {
  'name': (string);
  'delta': (string);
  'item': (number);
}
