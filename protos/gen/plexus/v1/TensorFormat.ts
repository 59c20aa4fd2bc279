// Original file: protos/plexus/v1/infer.proto

export const TensorFormat = {
  TENSOR_FORMAT_UNSPECIFIED: 'TENSOR_FORMAT_UNSPECIFIED',
  TENSOR_FORMAT_DATA: 'TENSOR_FORMAT_DATA',
  TENSOR_FORMAT_VALUES: 'TENSOR_FORMAT_VALUES',
} as const;

export type TensorFormat =
  | 'TENSOR_FORMAT_UNSPECIFIED'
  | 0
  | 'TENSOR_FORMAT_DATA'
  | 1
  | 'TENSOR_FORMAT_VALUES'
  | 2

export type TensorFormat__Output = typeof TensorFormat[keyof typeof TensorFormat]
