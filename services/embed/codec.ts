/**
 * EmbedResponse to bytes by hand: a vector is copied into the message as it lies in memory, which is what `repeated float` is on
 * the wire (packed, little-endian). The bytes are those protobufjs writes for the same fields; a test compares them.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { Embedding } from '../../protos/gen/plexus/v1/Embedding.js';
import type { EmbedResponse } from '../../protos/gen/plexus/v1/EmbedResponse.js';
import type { EmbedStreamResponse } from '../../protos/gen/plexus/v1/EmbedStreamResponse.js';
import { definition } from '../../protos/index.js';
import {
  bytesSize,
  createWriter,
  headSize,
  lengthSize,
  stringSize,
  uintSize,
  type Writer,
  writeBool,
  writeBytes,
  writeFloat,
  writeHead,
  writeLength,
  writeString,
  writeUint,
} from '../wire.js';

export const embedCodecs: Codecs = {
  Embed: { responseSerialize: (response) => serializeEmbedResponse(response as EmbedResponse) },
  EmbedStream: { responseSerialize: (response) => serializeStreamResponse(response as EmbedStreamResponse) },
};

export function serializeEmbedResponse(response: EmbedResponse): Buffer {
  const writer = createWriter(responseSize(response));
  writeResponse(writer, response);
  return writer.bytes;
}

/** A problem is rare and small: protobufjs writes it. */
function serializeStreamResponse(message: EmbedStreamResponse): Buffer {
  const { id = '', response } = message;
  if (!response) return definition('plexus.v1.Embed').EmbedStream.responseSerialize(message);
  const size = responseSize(response);
  const writer = createWriter(stringSize(id) + lengthSize(size));
  writeString(writer, 1, id);
  writeLength(writer, 2, size);
  writeResponse(writer, response);
  return writer.bytes;
}

function responseSize(response: EmbedResponse): number {
  let size = headSize(response) + uintSize(response.dimensions);
  for (const embedding of response.embeddings ?? []) size += lengthSize(embeddingSize(embedding));
  return size;
}

function writeResponse(writer: Writer, response: EmbedResponse): void {
  writeHead(writer, response);
  for (const embedding of response.embeddings ?? []) {
    writeLength(writer, 4, embeddingSize(embedding));
    writeEmbedding(writer, embedding);
  }
  writeUint(writer, 5, response.dimensions);
}

function embeddingSize({ values, base64, int8, binary, scale, tokens, truncated }: Embedding): number {
  let size = uintSize(tokens) + stringSize(base64) + bytesSize(asBytes(int8)) + bytesSize(asBytes(binary));
  if (values !== undefined && values.length > 0) size += lengthSize(values.length * 4);
  if (scale !== undefined) size += 5;
  if (truncated !== undefined) size += 2;
  return size;
}

function writeEmbedding(writer: Writer, embedding: Embedding): void {
  const { values, base64, int8, binary, scale, tokens, truncated } = embedding;
  if (values !== undefined && values.length > 0) {
    const vector = values as unknown as Float32Array;
    writeBytes(writer, 1, new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
  }
  writeString(writer, 2, base64);
  writeBytes(writer, 3, asBytes(int8));
  writeBytes(writer, 4, asBytes(binary));
  writeFloat(writer, 5, scale as number | undefined);
  writeUint(writer, 6, tokens);
  writeBool(writer, 7, truncated);
}

/** The generated type allows base64 text; nothing here makes any. */
function asBytes(value: Embedding['int8']): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
