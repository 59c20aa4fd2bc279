/**
 * The responses of Embed to bytes by hand: a vector is copied into the message as it lies in memory, which is what `repeated float`
 * is on the wire (packed, little-endian). The bytes are those protobufjs writes for the same fields; a test compares them.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { Embedding } from '../../protos/gen/plexus/v1/Embedding.js';
import type { EmbedResponse } from '../../protos/gen/plexus/v1/EmbedResponse.js';
import type { EmbedStreamResponse } from '../../protos/gen/plexus/v1/EmbedStreamResponse.js';
import { definition } from '../../protos/index.js';
import {
  bytesSize,
  column,
  createWriter,
  floats,
  type Head,
  headSize,
  lengthSize,
  plain,
  prefixed,
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
import type { FormattedVectors } from './format.js';

export const embedCodecs: Codecs = {
  Embed: { responseSerialize: (response) => serializeEmbedResponse(response as EmbedResponse) },
  EmbedStream: { responseSerialize: (response) => serializeStreamResponse(response as EmbedStreamResponse) },
  EmbedTokens: { responseSerialize: (response) => serializePieces(response as PiecesResponse) },
  EmbedSparse: { responseSerialize: (response) => serializePieces(response as PiecesResponse) },
};

/** A response of EmbedTokens or EmbedSparse whose embeddings are bytes already, in pieces. */
export interface PiecesResponse extends Head {
  embeddings: Buffer[][];
  dimensions: number;
}

export function serializePieces(response: PiecesResponse): Buffer {
  const head = createWriter(headSize(response));
  writeHead(head, response);
  const tail = createWriter(uintSize(response.dimensions));
  writeUint(tail, 5, response.dimensions);
  return Buffer.concat([head.bytes, ...response.embeddings.flatMap((pieces) => prefixed(4, pieces)), tail.bytes]);
}

/** The columns of a TokenEmbeddings; all but the vectors have one entry a token. */
export interface TokenColumns {
  ids: Int32Array;
  tokens: readonly string[];
  utf16Start: Uint32Array;
  utf16End: Uint32Array;
  byteStart: Uint32Array;
  byteEnd: Uint32Array;
  vectors: FormattedVectors;
  truncated: boolean;
}

/** A TokenEmbeddings in pieces; the work of each is done when it is asked for. */
export function* tokenEmbeddingPieces(columns: TokenColumns): Generator<Buffer> {
  const { vectors } = columns;
  yield* column(1, columns.ids, plain);
  yield stringList(2, columns.tokens);
  yield* column(3, columns.utf16Start, plain);
  yield* column(4, columns.utf16End, plain);
  yield* column(5, columns.byteStart, plain);
  yield* column(6, columns.byteEnd, plain);
  yield* floats(7, vectors.values ?? NO_FLOATS);
  const { base64, int8, binary } = vectors;
  const writer = createWriter(stringSize(base64) + bytesSize(int8) + bytesSize(binary));
  writeString(writer, 8, base64);
  writeBytes(writer, 9, int8);
  writeBytes(writer, 10, binary);
  yield writer.bytes;
  yield* floats(11, vectors.scales ?? NO_FLOATS);
  yield truth(12, columns.truncated);
}

/** A SparseEmbedding in pieces, from id, weight, id, weight, ... */
export function* sparseEmbeddingPieces(
  pairs: Float32Array,
  vocabulary: readonly string[],
  tokens: number,
  truncated: boolean,
): Generator<Buffer> {
  const ids = new Uint32Array(pairs.length / 2);
  const weights = new Float32Array(ids.length);
  for (let index = 0; index < ids.length; index++) {
    ids[index] = pairs[index * 2] as number;
    weights[index] = pairs[index * 2 + 1] as number;
  }
  yield* column(1, ids, plain);
  yield* floats(2, weights);
  yield stringList(3, vocabulary);
  const writer = createWriter(uintSize(tokens));
  writeUint(writer, 4, tokens);
  yield writer.bytes;
  yield truth(5, truncated);
}

const NO_FLOATS = new Float32Array(0);

function stringList(field: number, list: readonly string[]): Buffer {
  const writer = createWriter(list.reduce((size, each) => size + stringSize(each), 0));
  for (const each of list) writeString(writer, field, each);
  return writer.bytes;
}

function truth(field: number, value: boolean): Buffer {
  const writer = createWriter(2);
  writeBool(writer, field, value);
  return writer.bytes;
}

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
