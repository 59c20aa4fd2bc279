/**
 * EmbedResponse to bytes by hand: a vector is copied into the message as it lies in memory, which is what `repeated float` is on
 * the wire (packed, little-endian). The bytes are those protobufjs writes for the same fields; a test compares them. Everything
 * but the vectors is small and goes through the same few helpers.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { Embedding } from '../../protos/gen/plexus/v1/Embedding.js';
import type { EmbedResponse } from '../../protos/gen/plexus/v1/EmbedResponse.js';
import type { EmbedStreamResponse } from '../../protos/gen/plexus/v1/EmbedStreamResponse.js';
import { definition } from '../../protos/index.js';

/** Writes fields one after the other into memory that was measured before. */
interface Writer {
  readonly bytes: Buffer;
  at: number;
}

export const embedCodecs: Codecs = {
  Embed: { responseSerialize: (response) => serializeEmbedResponse(response as EmbedResponse) },
  EmbedStream: { responseSerialize: (response) => serializeStreamResponse(response as EmbedStreamResponse) },
};

export function serializeEmbedResponse(response: EmbedResponse): Buffer {
  const writer = create(responseSize(response));
  writeResponse(writer, response);
  return writer.bytes;
}

/** A problem is rare and small: protobufjs writes it. */
function serializeStreamResponse(message: EmbedStreamResponse): Buffer {
  const { id = '', response } = message;
  if (!response) return definition('plexus.v1.Embed').EmbedStream.responseSerialize(message);
  const size = responseSize(response);
  const writer = create(stringSize(id) + lengthSize(size));
  writeString(writer, 1, id);
  writeLength(writer, 2, size);
  writeResponse(writer, response);
  return writer.bytes;
}

function responseSize(response: EmbedResponse): number {
  let size = 0;
  if (response.model) size += lengthSize(modelSize(response.model));
  if (response.usage) size += lengthSize(usageSize(response.usage));
  if (response.timings) size += lengthSize(timingsSize(response.timings));
  for (const embedding of response.embeddings ?? []) size += lengthSize(embeddingSize(embedding));
  return size + uintSize(response.dimensions);
}

function writeResponse(writer: Writer, response: EmbedResponse): void {
  const { model, usage, timings } = response;
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
    writeDouble(writer, 1, timings.tokenizeMs);
    writeDouble(writer, 2, timings.queueMs);
    writeDouble(writer, 3, timings.batchMs);
    writeDouble(writer, 4, timings.computeMs);
    writeDouble(writer, 5, timings.totalMs);
    writeUint(writer, 6, timings.batchSize);
  }
  for (const embedding of response.embeddings ?? []) {
    writeLength(writer, 4, embeddingSize(embedding));
    writeEmbedding(writer, embedding);
  }
  writeUint(writer, 5, response.dimensions);
}

function embeddingSize({ values, base64, int8, binary, scale, tokens, truncated }: Embedding): number {
  let size = uintSize(tokens) + stringSize(base64) + bytesSize(int8) + bytesSize(binary);
  if (values !== undefined && values.length > 0) size += lengthSize(values.length * 4);
  if (scale !== undefined) size += 5;
  if (truncated !== undefined) size += 2;
  return size;
}

function writeEmbedding(writer: Writer, embedding: Embedding): void {
  const { values, base64, int8, binary, scale, tokens, truncated } = embedding;
  const { bytes } = writer;
  if (values !== undefined && values.length > 0) {
    const vector = values as unknown as Float32Array;
    writeLength(writer, 1, vector.byteLength);
    bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), writer.at);
    writer.at += vector.byteLength;
  }
  writeString(writer, 2, base64);
  writeBytes(writer, 3, int8);
  writeBytes(writer, 4, binary);
  if (scale !== undefined) {
    bytes[writer.at++] = (5 << 3) | 5;
    writer.at = bytes.writeFloatLE(Number(scale), writer.at);
  }
  writeUint(writer, 6, tokens);
  if (truncated !== undefined) {
    bytes[writer.at++] = 7 << 3;
    bytes[writer.at++] = truncated ? 1 : 0;
  }
}

type Model = NonNullable<EmbedResponse['model']>;
type Usage = NonNullable<EmbedResponse['usage']>;
type Timings = NonNullable<EmbedResponse['timings']>;

function modelSize({ name, version, digest, instance }: Model): number {
  return stringSize(name) + stringSize(version) + stringSize(digest) + stringSize(instance);
}

function usageSize({ texts, inputTokens, outputTokens }: Usage): number {
  return uintSize(texts) + uintSize(inputTokens) + uintSize(outputTokens);
}

function timingsSize({ tokenizeMs, queueMs, batchMs, computeMs, totalMs, batchSize }: Timings): number {
  let size = uintSize(batchSize);
  for (const value of [tokenizeMs, queueMs, batchMs, computeMs, totalMs]) if (value !== undefined) size += 9;
  return size;
}

function create(size: number): Writer {
  return { bytes: Buffer.allocUnsafe(size), at: 0 };
}

/** Every field number here is below 16: its tag is one byte. */
function writeLength(writer: Writer, field: number, length: number): void {
  writer.bytes[writer.at++] = (field << 3) | 2;
  writeVarint(writer, length);
}

function writeString(writer: Writer, field: number, value: string | undefined): void {
  if (value === undefined) return;
  writeLength(writer, field, Buffer.byteLength(value));
  writer.at += writer.bytes.write(value, writer.at);
}

function writeBytes(writer: Writer, field: number, value: Embedding['int8']): void {
  if (!(value instanceof Uint8Array)) return;
  writeLength(writer, field, value.length);
  writer.bytes.set(value, writer.at);
  writer.at += value.length;
}

function writeUint(writer: Writer, field: number, value: number | undefined): void {
  if (value === undefined) return;
  writer.bytes[writer.at++] = field << 3;
  writeVarint(writer, value);
}

function writeDouble(writer: Writer, field: number, value: number | string | undefined): void {
  if (value === undefined) return;
  writer.bytes[writer.at++] = (field << 3) | 1;
  writer.at = writer.bytes.writeDoubleLE(Number(value), writer.at);
}

/** Up to 2^32 - 1. */
function writeVarint(writer: Writer, value: number): void {
  let rest = value;
  while (rest > 127) {
    writer.bytes[writer.at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  writer.bytes[writer.at++] = rest;
}

function varintSize(value: number): number {
  return value < 2 ** 7 ? 1 : value < 2 ** 14 ? 2 : value < 2 ** 21 ? 3 : value < 2 ** 28 ? 4 : 5;
}

/** A length-delimited field: tag, length, content. */
function lengthSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function stringSize(value: string | undefined): number {
  return value === undefined ? 0 : lengthSize(Buffer.byteLength(value));
}

function bytesSize(value: Embedding['int8']): number {
  return value instanceof Uint8Array ? lengthSize(value.length) : 0;
}

function uintSize(value: number | undefined): number {
  return value === undefined ? 0 : 1 + varintSize(value);
}
