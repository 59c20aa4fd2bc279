/**
 * The responses of Classify to bytes by hand, text by text: a thousand texts with 256 labels each are a quarter of a million small
 * messages, for which protobufjs would build objects, and which must not be written in one go on the thread that serves. All three
 * responses have the same fields.
 */
import type { Codecs } from '../../chassis/implement.js';
import {
  createWriter,
  type Head,
  headSize,
  lengthSize,
  prefixed,
  uintSize,
  writeBool,
  writeBytes,
  writeFloat,
  writeHead,
  writeLength,
  writeUint,
} from '../wire.js';
import { type LabelOptions, rank } from './labels.js';

const codec = { responseSerialize: (response: unknown) => serializePieces(response as PiecesResponse) };

export const classifyCodecs: Codecs = { Classify: codec, ClassifyPairs: codec, ZeroShot: codec };

/** A response whose classifications are bytes already. */
export interface PiecesResponse extends Head {
  classifications: Buffer[];
}

export function serializePieces(response: PiecesResponse): Buffer {
  const head = createWriter(headSize(response));
  writeHead(head, response);
  return Buffer.concat([head.bytes, ...response.classifications.flatMap((each) => prefixed(4, [each]))]);
}

/** What is known of each text: one entry a text. */
export interface Rows {
  /** One number a label. */
  scores: readonly ArrayLike<number>[];
  tokens: readonly number[];
  truncated: readonly boolean[];
}

/** The Classification of each text, its labels ranked; the work of each is done when it is asked for. */
export function* classificationPieces(
  labels: readonly string[],
  { scores, tokens, truncated }: Rows,
  options: LabelOptions,
): Generator<Buffer> {
  const encoded = labels.map((label) => Buffer.from(label)); // few labels, many scores
  /** Of a LabelScore: tag and score take 5 bytes. */
  const sizes = encoded.map(({ length }) => lengthSize(length) + 5);
  for (const [index, row] of scores.entries()) {
    const order = rank(row, options);
    let size = uintSize(tokens[index]) + 2;
    for (const label of order) size += lengthSize(sizes[label] as number);
    const writer = createWriter(size);
    for (const label of order) {
      writeLength(writer, 1, sizes[label] as number);
      writeBytes(writer, 1, encoded[label]);
      writeFloat(writer, 2, row[label]);
    }
    writeUint(writer, 2, tokens[index]);
    writeBool(writer, 3, truncated[index]);
    yield writer.bytes;
  }
}
