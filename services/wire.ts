/**
 * The protobuf wire format for the hand-written codecs of this room: fields measured first, then written into memory of just that
 * size. Undefined fields are left out, others written as they are, which is what protobufjs does; each codec's test compares the
 * bytes. Every field number here is below 16, so a tag is one byte.
 */
import type { ServedModel } from '../protos/gen/plexus/v1/ServedModel.js';
import type { Timings } from '../protos/gen/plexus/v1/Timings.js';
import type { Usage } from '../protos/gen/plexus/v1/Usage.js';

/** Writes fields one after the other into memory that was measured before. */
export interface Writer {
  readonly bytes: Buffer;
  at: number;
}

export function createWriter(size: number): Writer {
  return { bytes: Buffer.allocUnsafe(size), at: 0 };
}

/** Tag and length of a length-delimited field; its content follows. */
export function writeLength(writer: Writer, field: number, length: number): void {
  writer.bytes[writer.at++] = (field << 3) | 2;
  writeVarint(writer, length);
}

export function writeString(writer: Writer, field: number, value: string | undefined): void {
  if (value === undefined) return;
  writeLength(writer, field, Buffer.byteLength(value));
  writer.at += writer.bytes.write(value, writer.at);
}

export function writeBytes(writer: Writer, field: number, value: Uint8Array | undefined): void {
  if (value === undefined) return;
  writeLength(writer, field, value.length);
  writer.bytes.set(value, writer.at);
  writer.at += value.length;
}

export function writeUint(writer: Writer, field: number, value: number | undefined): void {
  if (value === undefined) return;
  writer.bytes[writer.at++] = field << 3;
  writeVarint(writer, value);
}

export function writeBool(writer: Writer, field: number, value: boolean | undefined): void {
  if (value === undefined) return;
  writer.bytes[writer.at++] = field << 3;
  writer.bytes[writer.at++] = value ? 1 : 0;
}

export function writeFloat(writer: Writer, field: number, value: number | undefined): void {
  if (value === undefined) return;
  writer.bytes[writer.at++] = (field << 3) | 5;
  writer.at = writer.bytes.writeFloatLE(value, writer.at);
}

export function writeDouble(writer: Writer, field: number, value: number | undefined): void {
  if (value === undefined) return;
  writer.bytes[writer.at++] = (field << 3) | 1;
  writer.at = writer.bytes.writeDoubleLE(value, writer.at);
}

/** Up to 2^32 - 1. */
export function writeVarint(writer: Writer, value: number): void {
  const { bytes } = writer;
  let rest = value;
  while (rest > 127) {
    bytes[writer.at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[writer.at++] = rest;
}

export function varintSize(value: number): number {
  return value < 2 ** 7 ? 1 : value < 2 ** 14 ? 2 : value < 2 ** 21 ? 3 : value < 2 ** 28 ? 4 : 5;
}

/** Tag, length and content. */
export function lengthSize(length: number): number {
  return 1 + varintSize(length) + length;
}

export function stringSize(value: string | undefined): number {
  return value === undefined ? 0 : lengthSize(Buffer.byteLength(value));
}

export function bytesSize(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : lengthSize(value.length);
}

export function uintSize(value: number | undefined): number {
  return value === undefined ? 0 : 1 + varintSize(value);
}

/** What every response begins with: fields 1, 2 and 3. */
export interface Head {
  model?: ServedModel | null;
  usage?: Usage | null;
  timings?: Timings | null;
}

export function headSize({ model, usage, timings }: Head): number {
  let size = 0;
  if (model) size += lengthSize(modelSize(model));
  if (usage) size += lengthSize(usageSize(usage));
  if (timings) size += lengthSize(timingsSize(timings));
  return size;
}

export function writeHead(writer: Writer, { model, usage, timings }: Head): void {
  if (model) {
    writeLength(writer, 1, modelSize(model));
    writeString(writer, 1, model.name);
    writeString(writer, 2, model.version);
    writeString(writer, 3, model.digest);
    writeString(writer, 4, model.instance);
  }
  if (usage) {
    writeLength(writer, 2, usageSize(usage));
    writeUint(writer, 1, usage.texts);
    writeUint(writer, 2, usage.inputTokens);
    writeUint(writer, 3, usage.outputTokens);
  }
  if (timings) {
    writeLength(writer, 3, timingsSize(timings));
    for (const [index, value] of times(timings).entries()) writeDouble(writer, index + 1, value);
    writeUint(writer, 6, timings.batchSize);
  }
}

function modelSize({ name, version, digest, instance }: ServedModel): number {
  return stringSize(name) + stringSize(version) + stringSize(digest) + stringSize(instance);
}

function usageSize({ texts, inputTokens, outputTokens }: Usage): number {
  return uintSize(texts) + uintSize(inputTokens) + uintSize(outputTokens);
}

function timingsSize(timings: Timings): number {
  return uintSize(timings.batchSize) + 9 * times(timings).filter((value) => value !== undefined).length;
}

/** Fields 1 to 5. The generated type allows "NaN" as a string; nothing here makes one. */
function times({ tokenizeMs, queueMs, batchMs, computeMs, totalMs }: Timings): (number | undefined)[] {
  return [tokenizeMs, queueMs, batchMs, computeMs, totalMs] as (number | undefined)[];
}

/** A length-delimited field whose content is made already, in pieces. */
export function prefixed(field: number, pieces: Buffer[]): Buffer[] {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const prefix = createWriter(lengthSize(length) - length);
  writeLength(prefix, field, length);
  return [prefix.bytes, ...pieces];
}

export type Column = Int32Array | Uint32Array | Uint8Array | Int8Array;

/** A packed repeated field; left out where it is empty. */
export function* column(field: number, values: Column, code: (value: number) => number): Generator<Buffer> {
  if (values.length === 0) return;
  let size = 0;
  for (let index = 0; index < values.length; index++) size += varintSize(code(values[index] as number));
  const writer = createWriter(lengthSize(size));
  writeLength(writer, field, size);
  for (let index = 0; index < values.length; index++) writeVarint(writer, code(values[index] as number));
  yield writer.bytes;
}

/** Repeated floats, as they lie in memory: packed, little-endian. Left out where there are none. */
export function floats(field: number, values: Float32Array): Buffer[] {
  if (values.length === 0) return [];
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return prefixed(field, [bytes]);
}

/** A repeated string. */
export function* strings(field: number, bytes: Uint8Array, lengths: Uint32Array): Generator<Buffer> {
  let size = 0;
  for (const length of lengths) size += lengthSize(length);
  const writer = createWriter(size);
  let from = 0;
  for (const length of lengths) {
    writeLength(writer, field, length);
    // A token is a few bytes: a loop is faster than a call that copies.
    for (const end = from + length; from < end; from++) writer.bytes[writer.at++] = bytes[from] as number;
  }
  yield writer.bytes;
}

/** uint32 and int32: a number as it is. */
export const plain = (value: number): number => value;
/** sint32: -1 is 1, 1 is 2. */
export const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;
