// Original file: protos/plexus/v1/infer.proto


export interface DescribeModelRequest {
  'model'?: (string);
}

export interface DescribeModelRequest__Output {
  'model': (string);
}
