// Original file: protos/plexus/v1/pipelines.proto


export interface DescribeRequest {
  'pipeline'?: (string);
}

export interface DescribeRequest__Output {
  'pipeline': (string);
}
