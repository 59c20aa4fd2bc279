// SentencePiece .model files as what tokenizer.json would hold, so that pieces are those of SentencePiece itself, and ids and special
// tokens those of the kind of model they are for (piece-layout.ts). Special tokens are found as added tokens are, each stretch
// between them being a text of its own.
import { PieceOrder } from './models/piece-merges.js';
import {
  BYTE,
  CONTROL,
  NORMAL,
  type Piece,
  type PieceFile,
  parsePieceFile,
  UNKNOWN,
  USER_DEFINED,
} from './piece-file.js';
import { type PieceLayout, pieceLayout } from './piece-layout.js';
import {
  type AddedTokenEntry,
  settingToken,
  specialToken,
  type TokenizerSettings,
  withSettingTokens,
} from './settings.js';
import { templateProcessing } from './template.js';
import { PieceTable, TokenTable } from './token-table.js';

/** Stands for a space. */
const MARK = '\u2581';

export interface SentencePieceOptions {
  /** "spiece.model". */
  name: string;
  settings: TokenizerSettings;
  /** What vocab.json beside it holds. */
  vocab: Readonly<Record<string, number>> | undefined;
}

/** The content of tokenizer.json for a .model file. Throws TokenizerError where what it is for is not known. */
export function readSentencePiece(bytes: Uint8Array, { name, settings, vocab }: SentencePieceOptions): unknown {
  const file = parsePieceFile(bytes);
  const { pieces } = file;
  const layout = pieceLayout(name, pieces, settings, vocab);
  const space = file.escapeWhitespaces ? MARK : ' ';
  const marked = { type: 'Replace', pattern: { String: MARK }, content: ' ' };
  // Of the spaces at the beginning, one was put there; all go where none could be more than that.
  const leading = file.removeExtraWhitespaces ? Number.MAX_SAFE_INTEGER : file.addDummyPrefix ? 1 : 0;
  const bytesLast = pieces.some((piece) => piece.kind === BYTE);
  return {
    // Looked for in the text as it came, whatever the settings say of them: SentencePiece never sees them.
    added_tokens: withSettingTokens(
      [...(layout?.special ?? []), ...addedPieces(file, layout === undefined)],
      settings,
    ).map((token) => ({ ...token, normalized: false })),
    normalizer: { type: 'Sequence', normalizers: [...(layout?.prepare ?? []), ...normalizers(file, space)] },
    pre_tokenizer: mayCut(file)
      ? { type: 'Split', pattern: { String: MARK }, behavior: 'MergedWithNext', invert: false }
      : null,
    post_processor:
      layout === undefined
        ? plainTemplate(pieces, settings, file.modelType)
        : templateProcessing(layout.single, layout.pair, layout.idOf),
    decoder: {
      type: 'Sequence',
      decoders: [
        marked,
        ...(bytesLast ? [{ type: 'ByteFallback' }] : []),
        { type: 'Fuse' },
        ...(leading > 0 ? [{ type: 'Strip', content: ' ', start: leading, stop: 0 }] : []),
      ],
    },
    model: modelOf(file, layout),
  };
}

/** The model of the file, with what a layout puts around it. */
function modelOf(file: PieceFile, layout: PieceLayout | undefined): unknown {
  const { pieces } = file;
  const model = file.modelType === 2 ? bpeModel(file) : unigramModel(file);
  if (layout?.numbering !== undefined) {
    const { ids, vocab, unknownId } = layout.numbering;
    return { type: 'Renumbered', model, ids, vocab, unk_id: unknownId };
  }
  if (layout?.recut !== undefined) {
    const unknown = pieces.findIndex(({ kind }) => kind === UNKNOWN);
    return { type: 'Recut', model, ids: placesOf(pieces, layout.recut), mark: MARK, unk_id: unknown };
  }
  return model;
}

function placesOf(pieces: readonly Piece[], texts: RegExp): number[] {
  return pieces.flatMap(({ text }, place) => (texts.test(text) ? [place] : []));
}

/**
 * User-defined symbols that the model cannot find by itself; with `all`, control pieces and the unknown one too, since then
 * nothing else says which are special.
 */
function addedPieces(file: PieceFile, all: boolean): AddedTokenEntry[] {
  return file.pieces.flatMap((piece) => {
    const { kind, text } = piece;
    const wanted = kind === USER_DEFINED ? !isFoundByModel(file, piece) : all && (kind === CONTROL || kind === UNKNOWN);
    return wanted ? [specialToken(text, { special: kind !== USER_DEFINED })] : [];
  });
}

/** Unigram models choose a user-defined symbol over all else by its score, within the text around it. */
function isFoundByModel({ modelType }: PieceFile, { kind, text }: Piece): boolean {
  return kind === USER_DEFINED && modelType !== 2 && !/[ \u2581]/.test(text);
}

/** What SentencePiece does to a text, step by step; spaces are spaces until the end, when they become marks. */
function normalizers(file: PieceFile, space: string): unknown[] {
  const replace = (pattern: Record<string, string>, content: string) => ({ type: 'Replace', pattern, content });
  return [
    ...(file.charsmap.length > 0
      ? [{ type: 'Precompiled', precompiled_charsmap: file.charsmap, longest: true, keep: keptSymbols(file) }]
      : []),
    ...(file.removeExtraWhitespaces ? [replace({ Regex: '\\A +' }, ''), replace({ Regex: ' {2,}' }, ' ')] : []),
    ...(file.addDummyPrefix ? [{ type: 'Prepend', prepend: space }] : []),
    ...(file.escapeWhitespaces ? [replace({ String: ' ' }, MARK)] : []),
    // Marks that were marks before go with the spaces at the end.
    ...(file.removeExtraWhitespaces ? [replace({ Regex: `${space}+\\z` }, '')] : []),
  ];
}

/** User-defined symbols stay as they are. */
function keptSymbols(file: PieceFile): string[] {
  return file.pieces.filter((piece) => isFoundByModel(file, piece)).map(({ text }) => text);
}

/** Whether a text may be cut before every mark: no piece of a Unigram model reaches over one. */
function mayCut({ escapeWhitespaces, modelType, pieces }: PieceFile): boolean {
  if (modelType === 2 || !escapeWhitespaces) return false;
  return pieces.some(({ text }) => text === MARK) && pieces.every(({ text }) => text.indexOf(MARK, 1) < 0);
}

function unigramModel({ pieces, byteFallback }: PieceFile): unknown {
  const vocab = new PieceTable();
  const unknownId = pieces.findIndex((piece) => piece.kind === UNKNOWN);
  const scores = pieces.filter(({ kind }) => kind === NORMAL).map(({ score }) => score);
  const worst = scores.reduce((least, score) => Math.min(least, score), 0);
  const best = scores.reduce((most, score) => Math.max(most, score), worst);
  for (const { kind, text, score } of pieces) {
    vocab.tokens.add(text, vocab.tokens.count);
    // A user-defined symbol beats any other way to spell it: its bytes, each as good as the best piece.
    vocab.addScore(kind === USER_DEFINED ? Math.fround(Buffer.byteLength(text) * best) - 0.1 : score);
  }
  return {
    type: 'Unigram',
    unk_id: unknownId < 0 ? null : unknownId,
    byte_fallback: byteFallback,
    vocab,
    worst,
    // A text that looks like another kind of piece is a text like any other.
    hidden: Uint8Array.from(pieces, ({ kind }) => (kind === NORMAL || kind === USER_DEFINED ? 0 : 1)),
    single_precision: true,
  };
}

/** SentencePiece BPE keeps no merges: any two pieces that make a third merge, better scores first. */
function bpeModel({ pieces, byteFallback }: PieceFile): unknown {
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

/** Unigram models end in </s>; BPE ones start with <s> (Llama) or <bos> (Gemma); settings may say otherwise. */
function plainTemplate(pieces: readonly Piece[], settings: TokenizerSettings, modelType: number): unknown {
  const idOf = (text: string) => pieces.findIndex((piece) => piece.text === text);
  const name = (setting: string, usual: string, other: string) =>
    settingToken(settings, setting) ?? (idOf(usual) < 0 ? other : usual);
  const wanted = (token: string, add: unknown) => (add === true && idOf(token) >= 0 ? [token] : []);
  const bos = wanted(name('bos_token', '<s>', '<bos>'), settings.add_bos_token ?? modelType === 2);
  const eos = wanted(name('eos_token', '</s>', '<eos>'), settings.add_eos_token ?? modelType !== 2);
  const around = (sequence: string) => [...bos, sequence, ...eos].join(' ');
  return templateProcessing(around('$A'), `${around('$A')} ${around('$B')}`, idOf);
}
