// Original file: protos/plexus/v1/common.proto


export interface Timings {
  'tokenizeMs'?: (number | string);
  'queueMs'?: (number | string);
  'batchMs'?: (number | string);
  'computeMs'?: (number | string);
  'totalMs'?: (number | string);
  'batchSize'?: (number);
}

export interface Timings__Output {
  'tokenizeMs': (number);
  'queueMs': (number);
  'batchMs': (number);
  'computeMs': (number);
  'totalMs': (number);
  'batchSize': (number);
}
