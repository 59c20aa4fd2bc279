// SentencePiece .model files: a protobuf with the pieces, their scores and kinds, how to train, and how to normalize.
// Read here by hand into what tokenizer.json would hold, so that ids are those of SentencePiece itself. Only its user-defined
// and control symbols are found as added tokens are, each stretch between them being a text of its own.
import { TokenizerError } from './error.js';
import { PieceOrder } from './models/piece-merges.js';
import type { TokenizerSettings } from './settings.js';
import { PieceTable, TokenTable } from './token-table.js';

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

/** Stands for a space. */
const MARK = '\u2581';

interface Piece {
  text: string;
  score: number;
  kind: number;
}

interface SentencePieceFile {
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

/** The content of tokenizer.json for a .model file. */
export function readSentencePiece(bytes: Uint8Array, settings: TokenizerSettings): unknown {
  const file = parseFile(bytes);
  const { pieces } = file;
  const unknownId = pieces.findIndex((piece) => piece.kind === UNKNOWN);
  const special = (id: number, piece: Piece) => ({
    id,
    content: piece.text,
    special: piece.kind !== USER_DEFINED,
    normalized: false,
    single_word: false,
    lstrip: false,
    rstrip: false,
  });
  const added = pieces.flatMap((piece, id) =>
    piece.kind === CONTROL || piece.kind === UNKNOWN || piece.kind === USER_DEFINED ? [special(id, piece)] : [],
  );
  const model = file.modelType === 2 ? bpeModel(file) : unigramModel(file, unknownId);
  const space = file.escapeWhitespaces ? MARK : ' ';
  const marked = { type: 'Replace', pattern: { String: MARK }, content: ' ' };
  // Of the spaces at the beginning, one was put there; all go where none could be more than that.
  const leading = file.removeExtraWhitespaces ? Number.MAX_SAFE_INTEGER : file.addDummyPrefix ? 1 : 0;
  const bytesLast = pieces.some((piece) => piece.kind === BYTE);
  return {
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers: normalizers(file, space) },
    pre_tokenizer: mayCut(file)
      ? { type: 'Split', pattern: { String: MARK }, behavior: 'MergedWithNext', invert: false }
      : null,
    post_processor: template(pieces, settings, file.modelType),
    decoder: {
      type: 'Sequence',
      decoders: [
        marked,
        ...(bytesLast ? [{ type: 'ByteFallback' }] : []),
        { type: 'Fuse' },
        ...(leading > 0 ? [{ type: 'Strip', content: ' ', start: leading, stop: 0 }] : []),
      ],
    },
    model,
  };
}

/** What SentencePiece does to a text, step by step; spaces are spaces until the end, when they become marks. */
function normalizers(file: SentencePieceFile, space: string): unknown[] {
  const replace = (pattern: Record<string, string>, content: string) => ({ type: 'Replace', pattern, content });
  return [
    ...(file.charsmap.length > 0 ? [{ type: 'Precompiled', precompiled_charsmap: file.charsmap, longest: true }] : []),
    ...(file.removeExtraWhitespaces ? [replace({ Regex: '\\A +' }, ''), replace({ Regex: ' {2,}' }, ' ')] : []),
    ...(file.addDummyPrefix ? [{ type: 'Prepend', prepend: space }] : []),
    ...(file.escapeWhitespaces ? [replace({ String: ' ' }, MARK)] : []),
    // Marks that were marks before go with the spaces at the end.
    ...(file.removeExtraWhitespaces ? [replace({ Regex: `${space}+\\z` }, '')] : []),
  ];
}

/** Whether a text may be cut before every mark: no piece of a Unigram model reaches over one. */
function mayCut({ escapeWhitespaces, modelType, pieces }: SentencePieceFile): boolean {
  if (modelType === 2 || !escapeWhitespaces) return false;
  return pieces.some(({ text }) => text === MARK) && pieces.every(({ text }) => text.indexOf(MARK, 1) < 0);
}

function unigramModel({ pieces, byteFallback }: SentencePieceFile, unknownId: number): unknown {
  const vocab = new PieceTable();
  for (const { text, score } of pieces) {
    vocab.tokens.add(text, vocab.tokens.count);
    vocab.addScore(score);
  }
  return {
    type: 'Unigram',
    unk_id: unknownId < 0 ? null : unknownId,
    byte_fallback: byteFallback,
    vocab,
    // A text that looks like one of these is a text like any other.
    hidden: Uint8Array.from(pieces, ({ kind }) => (kind === NORMAL || kind === USER_DEFINED ? 0 : 1)),
    single_precision: true,
  };
}

/** SentencePiece BPE keeps no merges: any two pieces that make a third merge, better scores first. */
function bpeModel({ pieces, byteFallback }: SentencePieceFile): unknown {
  const vocab = new TokenTable();
  const made: number[] = [];
  pieces.forEach(({ kind, text }, id) => {
    vocab.add(text, id);
    if (kind === NORMAL || kind === USER_DEFINED) made.push(id);
  });
  const score = (id: number) => (pieces[id] as Piece).score;
  made.sort((a, b) => score(b) - score(a) || a - b);
  const unknown = pieces.find((piece) => piece.kind === UNKNOWN);
  return {
    type: 'BPE',
    unk_token: unknown?.text ?? null,
    fuse_unk: true,
    byte_fallback: byteFallback,
    vocab,
    merges: new PieceOrder(Int32Array.from(made)),
  };
}

/** Unigram models (T5) end in </s>; BPE ones (Llama) start with <s>; settings may say otherwise. */
function template(pieces: readonly Piece[], settings: TokenizerSettings, modelType: number): unknown {
  const idOf = (text: string) => pieces.findIndex((piece) => piece.text === text);
  const addBos = settings.add_bos_token ?? modelType === 2;
  const addEos = settings.add_eos_token ?? modelType !== 2;
  const names = [addBos === true && idOf('<s>') >= 0 ? '<s>' : '', addEos === true && idOf('</s>') >= 0 ? '</s>' : ''];
  const [bos, eos] = names as [string, string];
  const around = (id: string, typeId: number) => [
    ...(bos === '' ? [] : [{ SpecialToken: { id: bos, type_id: typeId } }]),
    { Sequence: { id, type_id: typeId } },
    ...(eos === '' ? [] : [{ SpecialToken: { id: eos, type_id: typeId } }]),
  ];
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 0)],
    special_tokens: Object.fromEntries(
      [bos, eos].filter((name) => name !== '').map((name) => [name, { id: name, ids: [idOf(name)], tokens: [name] }]),
    ),
  };
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

function parseFile(bytes: Uint8Array): SentencePieceFile {
  const file: SentencePieceFile = {
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
