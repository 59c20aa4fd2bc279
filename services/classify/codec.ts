/**
 * The responses of Classify to bytes by hand: a thousand texts with a hundred labels each are a hundred thousand small messages,
 * which protobufjs would build objects for. All three responses have the same fields.
 */
import type { Codecs } from '../../chassis/implement.js';
import type { ClassifyResponse } from '../../protos/gen/plexus/v1/ClassifyResponse.js';
import type { LabelScore } from '../../protos/gen/plexus/v1/LabelScore.js';
import {
  createWriter,
  headSize,
  lengthSize,
  uintSize,
  writeBool,
  writeBytes,
  writeFloat,
  writeHead,
  writeLength,
  writeUint,
} from '../wire.js';

const codec = { responseSerialize: (response: unknown) => serializeClassifyResponse(response as ClassifyResponse) };

export const classifyCodecs: Codecs = { Classify: codec, ClassifyPairs: codec, ZeroShot: codec };

export function serializeClassifyResponse(response: ClassifyResponse): Buffer {
  const classifications = response.classifications ?? [];
  /** Few labels, many scores: each label is encoded once. */
  const encoded = new Map<string, Uint8Array>();
  const bytesOf = (label: string): Uint8Array => {
    let bytes = encoded.get(label);
    if (bytes === undefined) {
      bytes = Buffer.from(label);
      encoded.set(label, bytes);
    }
    return bytes;
  };
  const labelSize = ({ label, score }: LabelScore): number =>
    (label === undefined ? 0 : lengthSize(bytesOf(label).length)) + (score === undefined ? 0 : 5);
  const sizes = classifications.map(({ labels = [], tokens, truncated }) => {
    let size = uintSize(tokens) + (truncated === undefined ? 0 : 2);
    for (const each of labels) size += lengthSize(labelSize(each));
    return size;
  });

  const writer = createWriter(sizes.reduce((sum, size) => sum + lengthSize(size), headSize(response)));
  writeHead(writer, response);
  for (const [index, { labels = [], tokens, truncated }] of classifications.entries()) {
    writeLength(writer, 4, sizes[index] as number);
    for (const each of labels) {
      writeLength(writer, 1, labelSize(each));
      if (each.label !== undefined) writeBytes(writer, 1, bytesOf(each.label));
      writeFloat(writer, 2, each.score as number | undefined);
    }
    writeUint(writer, 2, tokens);
    writeBool(writer, 3, truncated);
  }
  return writer.bytes;
}
