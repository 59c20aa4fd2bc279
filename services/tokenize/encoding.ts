/** The tokenizer's encodings as the proto has them: spans in UTF-16 code units and in UTF-8 bytes. */
import { type Encoding, utf8Offsets } from '../../inference/index.js';
import type { Encoding as EncodingMessage } from '../../protos/gen/plexus/v1/Encoding.js';

/** `pair` is the second text, where there is one: its tokens' spans are in that text. */
export function encodingMessage(encoding: Encoding, text: string, pair: string | undefined): EncodingMessage {
  const pieces = [encoding, ...encoding.overflowing];
  const bytes = byteOffsets(pieces, [text, pair ?? '']);
  let at = 0;
  const messages = pieces.map((piece) => {
    at += piece.offsets.length;
    return pieceMessage(piece, bytes.subarray(at - piece.offsets.length, at));
  });
  const [first, ...overflowing] = messages as [EncodingMessage, ...EncodingMessage[]];
  return { ...first, overflowing };
}

function pieceMessage({ ids, tokens, typeIds, offsets, ...rest }: Encoding, bytes: Uint32Array): EncodingMessage {
  return {
    ids: Array.from(ids),
    tokens: [...tokens],
    typeIds: Array.from(typeIds),
    utf16Start: every(offsets, 0),
    utf16End: every(offsets, 1),
    byteStart: every(bytes, 0),
    byteEnd: every(bytes, 1),
    specialTokensMask: Array.from(rest.specialTokensMask, (bit) => bit === 1),
    wordIds: Array.from(rest.wordIds),
    sequenceIds: Array.from(rest.sequenceIds),
  };
}

/** Starts (0) or ends (1) of pairs. */
function every(pairs: Uint32Array, from: 0 | 1): number[] {
  const picked = new Array<number>(pairs.length / 2);
  for (let index = 0; index < picked.length; index++) picked[index] = pairs[index * 2 + from] as number;
  return picked;
}

/** The spans of all pieces in bytes, one after the other. Each text is walked once, however many pieces it was cut into. */
function byteOffsets(pieces: readonly Encoding[], texts: readonly [string, string]): Uint32Array {
  const total = pieces.reduce((sum, { offsets }) => sum + offsets.length, 0);
  const bytes = new Uint32Array(total);
  for (const sequence of [0, 1] as const) {
    // The spans of the other text are left at 0 for this walk, so that none lies beyond the end.
    const own = new Uint32Array(total);
    let at = 0;
    for (const { offsets, sequenceIds } of pieces) {
      for (let token = 0; token < sequenceIds.length; token++, at += 2) {
        if (sequenceIds[token] !== sequence) continue;
        own[at] = offsets[token * 2] as number;
        own[at + 1] = offsets[token * 2 + 1] as number;
      }
    }
    const walked = utf8Offsets(texts[sequence], own);
    for (let index = 0; index < total; index++) bytes[index] = (bytes[index] as number) + (walked[index] as number);
  }
  return bytes;
}
