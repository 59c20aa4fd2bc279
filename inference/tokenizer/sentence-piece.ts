// SentencePiece .model files: a protobuf with the pieces, their scores and kinds, how to train, and how to normalize.
// Read here by hand into what tokenizer.json would hold, the way the conversion scripts of `transformers` do it for
// T5, XLM-R, Llama and their kin.
import { TokenizerError } from './error.js';
import type { TokenizerSettings } from './settings.js';

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

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
  const normalizers: unknown[] = [];
  if (file.charsmap.length > 0) {
    normalizers.push({ type: 'Precompiled', precompiled_charsmap: Buffer.from(file.charsmap).toString('base64') });
  }
  if (file.removeExtraWhitespaces) {
    normalizers.push({ type: 'Strip', strip_left: true, strip_right: true });
    normalizers.push({ type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' });
  }
  const scheme = file.addDummyPrefix ? 'always' : 'never';
  const model = file.modelType === 2 ? bpeModel(file) : unigramModel(file, unknownId);
  const metaspace = { type: 'Metaspace', replacement: '\u2581', prepend_scheme: scheme, split: file.modelType !== 2 };
  const bytesLast = pieces.some((piece) => piece.kind === BYTE);
  return {
    added_tokens: added,
    normalizer: normalizers.length === 0 ? null : { type: 'Sequence', normalizers },
    pre_tokenizer: metaspace,
    post_processor: template(pieces, settings, file.modelType),
    decoder: bytesLast
      ? {
          type: 'Sequence',
          decoders: [
            { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
            { type: 'ByteFallback' },
            { type: 'Fuse' },
            ...(file.addDummyPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
          ],
        }
      : metaspace,
    model,
  };
}

function unigramModel({ pieces, byteFallback }: SentencePieceFile, unknownId: number): unknown {
  return {
    type: 'Unigram',
    unk_id: unknownId < 0 ? null : unknownId,
    byte_fallback: byteFallback,
    vocab: pieces.map(({ text, score }) => [text, score]),
  };
}

/** SentencePiece BPE keeps no merges: any two pieces that make a third merge, better scores first. */
function bpeModel({ pieces, byteFallback }: SentencePieceFile): unknown {
  const ids = new Map(pieces.map(({ text }, id) => [text, id]));
  const found: { left: number; right: number; score: number; text: [string, string] }[] = [];
  for (const { text, score, kind } of pieces) {
    if (kind !== NORMAL) continue;
    for (let cut = 1; cut < text.length; cut++) {
      const [a, b] = [text.slice(0, cut), text.slice(cut)];
      const [left, right] = [ids.get(a), ids.get(b)];
      if (left !== undefined && right !== undefined) found.push({ left, right, score, text: [a, b] });
    }
  }
  found.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  const unknown = pieces.find((piece) => piece.kind === UNKNOWN);
  return {
    type: 'BPE',
    unk_token: unknown?.text ?? null,
    fuse_unk: true,
    byte_fallback: byteFallback,
    vocab: Object.fromEntries(ids),
    merges: found.map((merge) => merge.text),
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
      }
    } else if (field.number === 3) {
      for (const part of fields(field.bytes)) {
        if (part.number === 2) file.charsmap = part.bytes;
        else if (part.number === 3) file.addDummyPrefix = part.value === 1;
        else if (part.number === 4) file.removeExtraWhitespaces = part.value === 1;
      }
    }
  }
  if (file.pieces.length === 0) throw new TokenizerError('the SentencePiece model has no pieces');
  if (file.modelType > 2) throw new TokenizerError('the SentencePiece model is neither Unigram nor BPE');
  return file;
}
