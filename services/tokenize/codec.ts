/**
 * EncodeResponse to bytes by hand: an encoding is a dozen columns of numbers, and protobufjs takes some 10 us a token for what
 * are a few dozen bytes. Written column by column, so that whoever writes a long text can let others go first in between.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { PackedEncoding } from '../../inference/index.js';
import type { EncodeResponse } from '../../protos/gen/plexus/v1/EncodeResponse.js';
import { column, createWriter, type Head, headSize, plain, prefixed, strings, writeHead, zigzag } from '../wire.js';

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
