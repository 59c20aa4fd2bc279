// How each kind of model uses its SentencePiece file: which ids its pieces go by, which special tokens there are beside them, what
// goes around a text, and how a text is prepared. As the tokenizers of `transformers` 4.57 that run SentencePiece itself do;
// what they do is in their code alone and in no file, so a kind that is not here is refused.
import { TokenizerError } from './error.js';
import { MBART_LANGUAGES, MBART50_LANGUAGES, NLLB_LANGUAGES } from './languages.js';
import { type Piece, UNKNOWN } from './piece-file.js';
import { type AddedTokenEntry, settingToken, specialToken, type TokenizerSettings } from './settings.js';
import { TokenTable } from './token-table.js';
import { tokenizerClass, unsupportedClass } from './tokenizer-class.js';

/** Ids other than the places in the file. */
export interface Numbering {
  /** By piece. */
  ids: Int32Array;
  /** All tokens, special ones among them. */
  vocab: TokenTable;
  known: ReadonlyMap<string, number>;
  unknownId: number;
}

export interface PieceLayout {
  numbering: Numbering | undefined;
  /** Those beyond the pieces get the next ids, in this order. */
  special: AddedTokenEntry[];
  /** The id of what the templates name; throws TokenizerError where there is none. */
  idOf(text: string): number;
  /** What goes around one text and two, as `templateProcessing` reads it. */
  single: string;
  pair: string;
  /** Normalizers that go before SentencePiece's own. */
  prepare: unknown[];
  /** Pieces that are cut once more, before their last character. */
  recut: RegExp | undefined;
}

interface Kind {
  /** By setting ("cls_token"), unless the settings name others. */
  tokens: Readonly<Record<string, string>>;
  /** Tokens with the ids from 0 on; pieces follow at their place in the file plus `offset`. */
  first?: readonly string[];
  offset?: number;
  /** Tokens that follow the last piece. */
  last?: (settings: TokenizerSettings) => readonly string[];
  around: (token: (name: string) => string, settings: TokenizerSettings) => { single: string; pair: string };
  prepare?: (settings: TokenizerSettings) => unknown[];
  recut?: RegExp;
  /** Ids are those of vocab.json. */
  byVocabulary?: true;
}

const BERT_TOKENS = {
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  mask_token: '[MASK]',
};
const FAIRSEQ_TOKENS = {
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  pad_token: '<pad>',
  cls_token: '<s>',
  sep_token: '</s>',
  mask_token: '<mask>',
};
const T5_TOKENS = { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' };

/** fairseq has four special tokens where the file has three, so all others move by one. */
const FAIRSEQ = { tokens: FAIRSEQ_TOKENS, first: ['<s>', '<pad>', '</s>', '<unk>'], offset: 1 };

const aroundBert: Kind['around'] = (token) => ({
  single: `${token('cls_token')} $A ${token('sep_token')}`,
  pair: `${token('cls_token')} $A ${token('sep_token')} $B:1 ${token('sep_token')}:1`,
});
const aroundRoberta: Kind['around'] = (token) => {
  const [cls, sep] = [token('cls_token'), token('sep_token')];
  return { single: `${cls} $A ${sep}`, pair: `${cls} $A ${sep} ${sep} $B ${sep}` };
};
const languageFirst: Kind['around'] = (token, settings) => {
  const language = token('src_lang');
  if (settings.legacy_behaviour === true) return languageLast(token, settings);
  return { single: `${language} $A ${token('eos_token')}`, pair: `${language} $A $B ${token('eos_token')}` };
};
const languageLast: Kind['around'] = (token) => {
  const end = `${token('eos_token')} ${token('src_lang')}`;
  return { single: `$A ${end}`, pair: `$A $B ${end}` };
};

const KINDS: Readonly<Record<string, Kind>> = {
  albert: {
    tokens: { ...BERT_TOKENS, pad_token: '<pad>', unk_token: '<unk>' },
    around: aroundBert,
    prepare: prepareAlbert,
    // A number and the comma after it are two things.
    recut: /\p{Nd},$/u,
  },
  debertav2: { tokens: BERT_TOKENS, around: aroundBert, prepare: prepareDeberta },
  xlmroberta: { ...FAIRSEQ, last: () => ['<mask>'], around: aroundRoberta },
  camembert: {
    tokens: FAIRSEQ_TOKENS,
    first: ['<s>NOTUSED', '<pad>', '</s>NOTUSED', '<unk>', '<unk>NOTUSED'],
    offset: 4,
    last: () => ['<mask>'],
    around: aroundRoberta,
  },
  mbart: {
    ...FAIRSEQ,
    tokens: { ...FAIRSEQ_TOKENS, src_lang: 'en_XX' },
    last: () => [...MBART_LANGUAGES, '<mask>'],
    around: languageLast,
  },
  mbart50: {
    ...FAIRSEQ,
    tokens: { ...FAIRSEQ_TOKENS, src_lang: 'en_XX' },
    last: () => [...MBART50_LANGUAGES, '<mask>'],
    around: languageFirst,
  },
  nllb: {
    ...FAIRSEQ,
    tokens: { ...FAIRSEQ_TOKENS, src_lang: 'eng_Latn' },
    last: () => [...NLLB_LANGUAGES, '<mask>'],
    around: languageFirst,
  },
  t5: {
    tokens: T5_TOKENS,
    last: extraIds,
    around: (token) => ({
      single: `$A ${token('eos_token')}`,
      pair: `$A ${token('eos_token')} $B ${token('eos_token')}`,
    }),
    prepare: prepareT5,
  },
  marian: {
    tokens: T5_TOKENS,
    byVocabulary: true,
    around: (token) => ({ single: `$A ${token('eos_token')}`, pair: `$A $B ${token('eos_token')}` }),
    prepare: prepareMarian,
  },
};

/** Kinds that take SentencePiece as it is. */
const PLAIN = new Set(['llama', 'codellama', 'gemma']);

/** Where the ids are the places in the file, and nothing is known but the file: undefined. Throws for kinds that are not known. */
export function pieceLayout(
  file: string,
  pieces: readonly Piece[],
  settings: TokenizerSettings,
  vocab: Readonly<Record<string, number>> | undefined,
): PieceLayout | undefined {
  const name = tokenizerClass(settings) ?? (file === 'source.spm' ? 'marian' : undefined);
  if (name === undefined ? file === 'tokenizer.model' : PLAIN.has(name)) return undefined;
  const kind = KINDS[name ?? ''];
  if (kind === undefined) throw unsupportedClass(settings, file);
  const token = (setting: string) => settingToken(settings, setting) ?? (kind.tokens[setting] as string);
  const names = [...new Set(Object.keys(kind.tokens).map(token))];
  const around = kind.around(token, settings);
  const last = kind.last?.(settings) ?? [];
  const numbering = kind.byVocabulary
    ? byVocabulary(pieces, vocab, token('unk_token'))
    : kind.first && byOffset(pieces, kind.first, kind.offset as number, last);
  return {
    numbering,
    idOf(text) {
      const id = numbering ? numbering.known.get(text) : pieces.findIndex((piece) => piece.text === text);
      if (id === undefined || id < 0)
        throw new TokenizerError(`${file} lacks ${text}, which ${name} puts around texts`);
      return id;
    },
    special: specialTokens(kind, names, last, settings, vocab),
    ...around,
    prepare: kind.prepare?.(settings) ?? [],
    recut: kind.recut,
  };
}

function byOffset(
  pieces: readonly Piece[],
  first: readonly string[],
  offset: number,
  last: readonly string[],
): Numbering {
  const unknownId = first.indexOf('<unk>');
  const known = new Map(first.map((text, id) => [text, id]));
  const ids = Int32Array.from(pieces, ({ kind, text }, place) => {
    const own = kind === UNKNOWN ? unknownId : known.get(text);
    if (own !== undefined) return own;
    known.set(text, place + offset);
    return place + offset;
  });
  last.forEach((text, i) => {
    known.set(text, pieces.length + offset + i);
  });
  return { ids, known, vocab: tableOf(known), unknownId };
}

/** Pieces that vocab.json lacks are unknown. */
function byVocabulary(
  pieces: readonly Piece[],
  vocab: Readonly<Record<string, number>> | undefined,
  unknown: string,
): Numbering {
  if (vocab === undefined) throw new TokenizerError('source.spm needs vocab.json beside it, which has the ids');
  const known = new Map(Object.entries(vocab));
  const unknownId = known.get(unknown);
  if (unknownId === undefined) throw new TokenizerError(`vocab.json lacks the unknown token ${unknown}`);
  const ids = Int32Array.from(pieces, ({ text }) => known.get(text) ?? unknownId);
  return { ids, known, vocab: tableOf(known), unknownId };
}

function tableOf(known: ReadonlyMap<string, number>): TokenTable {
  const table = new TokenTable();
  for (const [text, id] of known) table.add(text, id);
  return table;
}

function specialTokens(
  kind: Kind,
  names: readonly string[],
  last: readonly string[],
  settings: TokenizerSettings,
  vocab: Readonly<Record<string, number>> | undefined,
): AddedTokenEntry[] {
  const contents = new Set([...(kind.first ?? []), ...names.filter((content) => !last.includes(content)), ...last]);
  const mask = settingToken(settings, 'mask_token') ?? kind.tokens.mask_token;
  // Spaces around the sentinels of T5, and before a mask, go with them.
  const tokens = [...contents].map((content) => {
    const sentinel = content.startsWith('<extra_id_');
    return specialToken(content, {
      lstrip: sentinel || (content === mask && kind !== KINDS.debertav2),
      rstrip: sentinel,
    });
  });
  // ">>fra<<" at the beginning of a text names the language to translate into.
  const codes = Object.keys(kind.byVocabulary ? (vocab ?? {}) : {}).filter((text) => /^>>.+<<$/.test(text));
  return [...tokens, ...codes.map((code) => specialToken(code, { special: false }))];
}

/** T5's sentinels stand at the end, the last of them first. */
function extraIds(settings: TokenizerSettings): string[] {
  const { additional_special_tokens: named, extra_ids: count } = settings;
  const listed = Array.isArray(named) ? named.filter((token) => String(token).startsWith('<extra_id_')).length : 0;
  const length = typeof count === 'number' ? count : listed > 0 ? listed : 100;
  return Array.from({ length }, (_, i) => `<extra_id_${length - 1 - i}>`);
}

const replace = (pattern: Record<string, string>, content: string) => ({ type: 'Replace', pattern, content });
const lowercase = { type: 'Lowercase' };

/** What Python's `str.split()` takes for space. */
const PYTHON_SPACES =
  '[\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';

function prepareAlbert(settings: TokenizerSettings): unknown[] {
  const lower = settings.do_lower_case !== false ? [lowercase] : [];
  return [
    ...lower,
    ...(settings.remove_space !== false
      ? [replace({ Regex: PYTHON_SPACES }, ' '), { type: 'Strip', strip_left: true, strip_right: true }]
      : []),
    replace({ String: '``' }, '"'),
    replace({ String: "''" }, '"'),
    ...(settings.keep_accents !== true ? [{ type: 'NFKD' }, { type: 'StripCombining' }] : []),
    ...lower,
  ];
}

function prepareDeberta(settings: TokenizerSettings): unknown[] {
  if (settings.split_by_punct === true) throw new TokenizerError('split_by_punct of DeBERTa is not supported');
  return settings.do_lower_case === true ? [lowercase] : [];
}

function prepareT5(settings: TokenizerSettings): unknown[] {
  if (settings.legacy === false) {
    throw new TokenizerError(
      '"legacy": false over a SentencePiece file is not supported: convert it to tokenizer.json',
    );
  }
  return [];
}

function prepareMarian(settings: TokenizerSettings): unknown[] {
  if (settings.separate_vocabs === true) throw new TokenizerError('separate_vocabs of Marian is not supported');
  return [];
}
