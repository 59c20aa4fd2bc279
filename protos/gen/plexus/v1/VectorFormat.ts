// Original file: protos/plexus/v1/embed.proto

export const VectorFormat = {
  VECTOR_FORMAT_UNSPECIFIED: 'VECTOR_FORMAT_UNSPECIFIED',
  VECTOR_FORMAT_FLOAT: 'VECTOR_FORMAT_FLOAT',
  VECTOR_FORMAT_BASE64: 'VECTOR_FORMAT_BASE64',
  VECTOR_FORMAT_INT8: 'VECTOR_FORMAT_INT8',
  VECTOR_FORMAT_BINARY: 'VECTOR_FORMAT_BINARY',
} as const;

export type VectorFormat =
  | 'VECTOR_FORMAT_UNSPECIFIED'
  | 0
  | 'VECTOR_FORMAT_FLOAT'
  | 1
  | 'VECTOR_FORMAT_BASE64'
  | 2
  | 'VECTOR_FORMAT_INT8'
  | 3
  | 'VECTOR_FORMAT_BINARY'
  | 4

export type VectorFormat__Output = typeof VectorFormat[keyof typeof VectorFormat]
