/**
 * EncodeResponse to bytes by hand: an encoding is a dozen columns of numbers, and protobufjs takes some 10 us a token for what
 * are a few dozen bytes. Written column by column, so that whoever writes a long text can let others go first in between.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { PackedEncoding } from '../../inference/index.js';
import type { EncodeResponse } from '../../protos/gen/plexus/v1/EncodeResponse.js';
import {
  createWriter,
  type Head,
  headSize,
  lengthSize,
  varintSize,
  writeHead,
  writeLength,
  writeVarint,
} from '../wire.js';

/** A response whose encodings are bytes already, in pieces. */
export interface EncodedResponse extends Head {
  encodings: Buffer[][];
}

export const tokenizeCodecs: Codecs = {
  Encode: { responseSerialize: (response) => serializeEncodeResponse(response as EncodedResponse) },
};

/** For the type of the handler: what it returns goes to the codec above and nowhere else. */
export function asEncodeResponse(response: EncodedResponse): EncodeResponse {
  return response as unknown as EncodeResponse;
}

export function serializeEncodeResponse(response: EncodedResponse): Buffer {
  const head = createWriter(headSize(response));
  writeHead(head, response);
  return Buffer.concat([head.bytes, ...response.encodings.flatMap((pieces) => prefixed(4, pieces))]);
}

/** The message of one encoding in pieces, none longer than a column; the work of each is done when it is asked for. */
export function* encodingPieces(packed: PackedEncoding): Generator<Buffer> {
  yield* column(1, packed.ids, plain);
  yield* strings(2, packed.tokenBytes, packed.tokenLengths);
  yield* column(3, packed.typeIds, plain);
  yield* column(4, packed.utf16Start, plain);
  yield* column(5, packed.utf16End, plain);
  yield* column(6, packed.byteStart, plain);
  yield* column(7, packed.byteEnd, plain);
  yield* column(8, packed.specialTokensMask, plain);
  yield* column(9, packed.wordIds, zigzag);
  yield* column(10, packed.sequenceIds, zigzag);
  for (const piece of packed.overflowing) yield* prefixed(11, [...encodingPieces(piece)]);
}

function prefixed(field: number, pieces: Buffer[]): Buffer[] {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const prefix = createWriter(lengthSize(length) - length);
  writeLength(prefix, field, length);
  return [prefix.bytes, ...pieces];
}

type Column = Int32Array | Uint32Array | Uint8Array | Int8Array;

/** A packed repeated field; left out where it is empty. */
function* column(field: number, values: Column, code: (value: number) => number): Generator<Buffer> {
  if (values.length === 0) return;
  let size = 0;
  for (let index = 0; index < values.length; index++) size += varintSize(code(values[index] as number));
  const writer = createWriter(lengthSize(size));
  writeLength(writer, field, size);
  for (let index = 0; index < values.length; index++) writeVarint(writer, code(values[index] as number));
  yield writer.bytes;
}

/** A repeated string. */
function* strings(field: number, bytes: Uint8Array, lengths: Uint32Array): Generator<Buffer> {
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

const plain = (value: number): number => value;
/** sint32: -1 is 1, 1 is 2. */
const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;
