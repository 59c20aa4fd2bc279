/**
 * InferResponse to bytes by hand: a tensor is copied once, from the memory of the run into the message. The bytes are those
 * protobufjs writes for the same fields; a test compares them.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { InferResponse } from '../../protos/gen/plexus/v1/InferResponse.js';
import type { InferStreamResponse } from '../../protos/gen/plexus/v1/InferStreamResponse.js';
import type { Tensor } from '../../protos/gen/plexus/v1/Tensor.js';
import { definition } from '../../protos/index.js';
import {
  bytesSize,
  createWriter,
  headSize,
  lengthSize,
  stringSize,
  uintSize,
  varintSize,
  type Writer,
  writeBytes,
  writeHead,
  writeLength,
  writeString,
  writeUint,
  writeVarint,
} from '../wire.js';
import { TYPES } from './check.js';

export const inferCodecs: Codecs = {
  Infer: { responseSerialize: (response) => serializeInferResponse(response as InferResponse) },
  InferStream: { responseSerialize: (response) => serializeStreamResponse(response as InferStreamResponse) },
};

const NUMBERS = new Map<unknown, number>(Object.keys(TYPES).map((name, number) => [name, number]));

export function serializeInferResponse(response: InferResponse): Buffer {
  const writer = createWriter(responseSize(response));
  writeResponse(writer, response);
  return writer.bytes;
}

/** A problem is rare and small: protobufjs writes it. */
function serializeStreamResponse(message: InferStreamResponse): Buffer {
  const { id = '', response } = message;
  if (!response) return definition('plexus.v1.Infer').InferStream.responseSerialize(message);
  const size = responseSize(response);
  const writer = createWriter(stringSize(id) + lengthSize(size));
  writeString(writer, 1, id);
  writeLength(writer, 2, size);
  writeResponse(writer, response);
  return writer.bytes;
}

function responseSize(response: InferResponse): number {
  let size = headSize(response);
  for (const tensor of response.outputs ?? []) size += lengthSize(tensorSize(tensor));
  return size;
}

function writeResponse(writer: Writer, response: InferResponse): void {
  writeHead(writer, response);
  for (const tensor of response.outputs ?? []) {
    writeLength(writer, 4, tensorSize(tensor));
    writeTensor(writer, tensor);
  }
}

function tensorSize(tensor: Tensor): number {
  const { shape, data, values, strings } = plain(tensor);
  let size = stringSize(tensor.name) + uintSize(NUMBERS.get(tensor.type)) + bytesSize(data);
  if (shape.length > 0) size += lengthSize(dimsSize(shape));
  if (values.length > 0) size += lengthSize(values.length * 8);
  for (const text of strings) size += stringSize(text);
  return size;
}

function writeTensor(writer: Writer, tensor: Tensor): void {
  const { shape, data, values, strings } = plain(tensor);
  writeString(writer, 1, tensor.name);
  writeUint(writer, 2, NUMBERS.get(tensor.type));
  if (shape.length > 0) {
    writeLength(writer, 3, dimsSize(shape));
    for (const dim of shape) writeVarint(writer, dim);
  }
  writeBytes(writer, 4, data);
  if (values.length > 0) {
    writeLength(writer, 5, values.length * 8);
    for (const value of values) writer.at = writer.bytes.writeDoubleLE(value, writer.at);
  }
  for (const text of strings) writeString(writer, 6, text);
}

/** The generated type allows text for numbers and base64 for bytes; nothing here makes any. */
function plain({ shape, data, values, strings }: Tensor): {
  shape: number[];
  data: Uint8Array | undefined;
  values: number[];
  strings: string[];
} {
  return {
    shape: (shape ?? []) as number[],
    data: data instanceof Uint8Array ? data : undefined,
    values: (values ?? []) as number[],
    strings: strings ?? [],
  };
}

function dimsSize(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size + varintSize(dim), 0);
}
