/** InferRequest to a call on a graph: first what the request alone says, then what the model takes there. */
import { invalid, items } from '../../chassis/check.js';
import {
  type ElementType,
  type Fields,
  RANK_MAX,
  type Tensor,
  type TensorCall,
  type TensorInfo,
} from '../../inference/index.js';
import type { DataType } from '../../protos/gen/plexus/v1/DataType.js';
import type { InferRequest__Output } from '../../protos/gen/plexus/v1/InferRequest.js';
import type { Tensor__Output } from '../../protos/gen/plexus/v1/Tensor.js';
import { oneOf } from '../truncate.js';
import type { InferModel } from './model.js';
import { toBytes } from './numbers.js';

/** Inputs or named outputs of one call. */
export const TENSORS_MAX = 256;

export type TensorFormat = 'data' | 'values';

/** Where a tensor's elements stand. */
type Place = 'data' | 'values' | 'strings';

export interface TensorAsked {
  name: string;
  /** Undefined: what the model takes. */
  type: ElementType | undefined;
  shape: readonly number[];
  place: Place;
  tensor: Tensor__Output;
}

export interface InferAsked {
  inputs: readonly TensorAsked[];
  outputs: readonly string[];
  format: TensorFormat;
}

export const TYPES = {
  DATA_TYPE_UNSPECIFIED: undefined,
  DATA_TYPE_BOOL: 'bool',
  DATA_TYPE_UINT8: 'uint8',
  DATA_TYPE_UINT16: 'uint16',
  DATA_TYPE_UINT32: 'uint32',
  DATA_TYPE_UINT64: 'uint64',
  DATA_TYPE_INT8: 'int8',
  DATA_TYPE_INT16: 'int16',
  DATA_TYPE_INT32: 'int32',
  DATA_TYPE_INT64: 'int64',
  DATA_TYPE_FLOAT16: 'float16',
  DATA_TYPE_FLOAT32: 'float32',
  DATA_TYPE_FLOAT64: 'float64',
  DATA_TYPE_STRING: 'string',
} as const satisfies Record<DataType & string, ElementType | undefined>;

/** The name of a type on the wire. */
export function dataType(type: ElementType): keyof typeof TYPES {
  return `DATA_TYPE_${type.toUpperCase()}` as keyof typeof TYPES;
}

export function checkInfer(request: InferRequest__Output): InferAsked {
  if (request.inputs.length > 0) items('inputs', request.inputs, TENSORS_MAX);
  if (request.outputs.length > 0) items('outputs', request.outputs, TENSORS_MAX);
  return {
    inputs: request.inputs.map((tensor, index) => {
      const field = `inputs[${index}]`;
      if (tensor.shape.length > RANK_MAX) items(`${field}.shape`, tensor.shape, RANK_MAX);
      return {
        name: tensor.name,
        type: oneOf(`${field}.type`, tensor.type, TYPES),
        shape: tensor.shape,
        place: placeOf(field, tensor),
        tensor,
      };
    }),
    outputs: request.outputs,
    format: oneOf('format', request.format, {
      TENSOR_FORMAT_UNSPECIFIED: 'data',
      TENSOR_FORMAT_DATA: 'data',
      TENSOR_FORMAT_VALUES: 'values',
    }),
  };
}

/** What the model makes of the request: types filled in, numbers as bytes. Whether it fits the graph, the engine says. */
export function resolveInfer(asked: InferAsked, { signature }: Pick<InferModel, 'signature'>): TensorCall {
  const inputs = asked.inputs.map((input, index): Tensor => {
    const info = signature.inputs.find(({ name }) => name === input.name);
    const type = input.type ?? info?.type ?? 'float32';
    const data = elements(input, type, `inputs[${index}].${input.place}`, info);
    return { name: input.name, type, dims: input.shape, data };
  });
  const fields: Fields = {
    inputs: 'inputs',
    tensor: (index) => `inputs[${index}]`,
    type: 'type',
    data: (index) =>
      `inputs[${index}].${inputs[index]?.type === 'string' ? 'strings' : (asked.inputs[index]?.place ?? 'data')}`,
    outputs: 'outputs',
  };
  return { inputs, outputs: asked.outputs, fields };
}

function placeOf(field: string, { data, values, strings }: Tensor__Output): Place {
  const given: Place[] = [];
  if (data.length > 0) given.push('data');
  if (values.length > 0) given.push('values');
  if (strings.length > 0) given.push('strings');
  if (given.length > 1)
    throw invalid(field, `must have its elements in one of data, values and strings, has ${given.join(' and ')}`);
  return given[0] ?? 'data';
}

function elements(
  { place, tensor }: TensorAsked,
  type: ElementType,
  field: string,
  info: TensorInfo | undefined,
): Uint8Array | readonly string[] {
  const strings = type === 'string';
  const empty = tensor.data.length === 0 && place === 'data';
  if (strings !== (place === 'strings') && !empty) {
    const where = strings ? 'strings' : 'data or values';
    throw invalid(field, `elements of ${type}${info ? ` (input ${JSON.stringify(info.name)})` : ''} stand in ${where}`);
  }
  if (type === 'string') return tensor.strings;
  return place === 'values' ? toBytes(type, tensor.values, field) : tensor.data;
}
