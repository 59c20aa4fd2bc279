// What a SentencePiece .model file holds: a protobuf with the pieces, their scores and kinds, how it was trained, and how to
// normalize. Read here by hand.
import { TokenizerError } from './error.js';

export const NORMAL = 1;
export const UNKNOWN = 2;
export const CONTROL = 3;
export const USER_DEFINED = 4;
export const BYTE = 6;

export interface Piece {
  text: string;
  score: number;
  kind: number;
}

export interface PieceFile {
  pieces: Piece[];
  /** 1 Unigram, 2 BPE, 3 word, 4 character. */
  modelType: number;
  byteFallback: boolean;
  charsmap: Uint8Array;
  addDummyPrefix: boolean;
  removeExtraWhitespaces: boolean;
  /** Spaces become marks. */
  escapeWhitespaces: boolean;
}

/** Throws TokenizerError for what is no such file, or one of a kind that is not supported. */
export function parsePieceFile(bytes: Uint8Array): PieceFile {
  const file: PieceFile = {
    pieces: [],
    modelType: 1,
    byteFallback: false,
    charsmap: new Uint8Array(0),
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  };
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for (const field of fields(bytes)) {
    if (field.number === 1) {
      const piece: Piece = { text: '', score: 0, kind: NORMAL };
      for (const part of fields(field.bytes)) {
        if (part.number === 1) piece.text = decoder.decode(part.bytes);
        else if (part.number === 2) piece.score = part.value;
        else if (part.number === 3) piece.kind = part.value;
      }
      file.pieces.push(piece);
    } else if (field.number === 2) {
      for (const part of fields(field.bytes)) {
        if (part.number === 3) file.modelType = part.value;
        else if (part.number === 35) file.byteFallback = part.value === 1;
        else if (part.number === 24 && part.value === 1) {
          throw new TokenizerError('the SentencePiece model puts its marks after words, which is not supported');
        }
      }
    } else if (field.number === 3) {
      for (const part of fields(field.bytes)) {
        if (part.number === 2) file.charsmap = part.bytes;
        else if (part.number === 3) file.addDummyPrefix = part.value === 1;
        else if (part.number === 4) file.removeExtraWhitespaces = part.value === 1;
        else if (part.number === 5) file.escapeWhitespaces = part.value === 1;
      }
    }
  }
  if (file.pieces.length === 0) throw new TokenizerError('the SentencePiece model has no pieces');
  if (file.modelType > 2) throw new TokenizerError('the SentencePiece model is neither Unigram nor BPE');
  return file;
}

/** One field of a protobuf message: its number, and its value as bytes, or as a number for the plain kinds. */
interface Field {
  number: number;
  bytes: Uint8Array;
  value: number;
}

function* fields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new TokenizerError('the SentencePiece model ends in the middle of a field');
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value;
    }
  };
  const nothing = new Uint8Array(0);
  while (at < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === 0) yield { number, bytes: nothing, value: varint() };
    else if (wire === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new TokenizerError('the SentencePiece model ends in the middle of a field');
      yield { number, bytes: bytes.subarray(at, at + length), value: 0 };
      at += length;
    } else if (wire === 5 && at + 4 <= bytes.length) {
      yield { number, bytes: nothing, value: view.getFloat32(at, true) };
      at += 4;
    } else if (wire === 1) at += 8;
    else throw new TokenizerError('the SentencePiece model is not a protobuf that can be read');
  }
}
