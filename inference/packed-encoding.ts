/**
 * An encoding as columns of numbers and one block of UTF-8: it crosses from the thread for long texts without being copied (a
 * hundred thousand small strings would cost more than finding them), and is what a codec wants to write.
 */
import { type Encoding, utf8Offsets } from './tokenizer/index.js';

/** All columns have one entry a token. */
export interface PackedEncoding {
  ids: Int32Array;
  typeIds: Uint8Array;
  utf16Start: Uint32Array;
  utf16End: Uint32Array;
  byteStart: Uint32Array;
  byteEnd: Uint32Array;
  specialTokensMask: Uint8Array;
  wordIds: Int32Array;
  sequenceIds: Int8Array;
  /** Texts of the tokens, one after the other, in UTF-8, and the bytes of each. */
  tokenBytes: Uint8Array;
  tokenLengths: Uint32Array;
  overflowing: PackedEncoding[];
}

/** `pair` is the second text, where there is one: spans of its tokens are in that text. */
export function packEncoding(encoding: Encoding, text: string, pair: string | undefined): PackedEncoding {
  const pieces = [encoding, ...encoding.overflowing];
  const bytes = byteOffsets(pieces, [text, pair ?? '']);
  let at = 0;
  const packed = pieces.map((piece) => {
    at += piece.offsets.length;
    return packPiece(piece, bytes.subarray(at - piece.offsets.length, at));
  });
  const [first, ...overflowing] = packed as [PackedEncoding, ...PackedEncoding[]];
  return { ...first, overflowing };
}

/** The memory of an encoding, for postMessage to transfer. */
export function packedBuffers(packed: PackedEncoding): ArrayBuffer[] {
  const { overflowing, ...columns } = packed;
  const own = Object.values(columns).map(({ buffer }) => buffer as ArrayBuffer);
  return [...own, ...overflowing.flatMap(packedBuffers)];
}

function packPiece({ ids, tokens, typeIds, offsets, ...rest }: Encoding, bytes: Uint32Array): PackedEncoding {
  const joined = new TextEncoder().encode(tokens.join(''));
  return {
    ids,
    typeIds,
    utf16Start: every(offsets, 0),
    utf16End: every(offsets, 1),
    byteStart: every(bytes, 0),
    byteEnd: every(bytes, 1),
    specialTokensMask: rest.specialTokensMask,
    wordIds: rest.wordIds,
    sequenceIds: rest.sequenceIds,
    tokenBytes: joined,
    tokenLengths: Uint32Array.from(tokens, (token) => Buffer.byteLength(token)),
    overflowing: [],
  };
}

/** Starts (0) or ends (1) of pairs. */
function every(pairs: Uint32Array, from: 0 | 1): Uint32Array {
  const picked = new Uint32Array(pairs.length / 2);
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
