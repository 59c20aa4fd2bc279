// A tokenizer, from its parsed tokenizer.json: added tokens are taken out, the rest is normalized, cut into words, and
// the model turns words into tokens; then truncation, special tokens and places in the original. The same pipeline runs
// with places tracked (encode) or without (encodeIds, count).
import { type AddedToken, createAddedTokens } from './added-tokens.js';
import { type AlignedText, alignedText, sliceAligned, UNTRACKED } from './aligned-text.js';
import { createDecodeStream, type DecodeStream } from './decode-stream.js';
import { createDecoder } from './decoder.js';
import { type Encoding, mergeParts, type Part } from './encoding.js';
import { TokenizerError } from './error.js';
import { createModel } from './model-file.js';
import { createNormalizer } from './normalizer.js';
import {
  type Around,
  createPostProcessor,
  leadingSpaces,
  NOTHING_AROUND,
  numberParts,
  trailingSpaces,
  trimOffset,
} from './post-processor.js';
import { createPreTokenizer } from './pre-tokenizer.js';
import { type Section, wholeSection } from './section.js';
import { TokenSink } from './token-sink.js';
import { truncateParts } from './truncation.js';
import { wellFormed } from './well-formed.js';

export interface EncodeOptions {
  /** Put in the special tokens the model was trained with; default true. */
  addSpecialTokens: boolean;
  /** Tokens of the result at most, special ones counted; default no limit. */
  maxTokens?: number;
  /** Tokens that each overflowing piece repeats; default 0. */
  stride?: number;
  /** Which end gives way; default right. */
  truncationSide?: 'left' | 'right';
  /** Which of two texts gives way; default longest_first. */
  truncationStrategy?: 'longest_first' | 'only_first' | 'only_second';
}

export interface SpecialToken {
  readonly id: number;
  readonly content: string;
}

export interface Tokenizer {
  encode(text: string, options?: Partial<EncodeOptions>): Encoding;
  encodePair(first: string, second: string, options?: Partial<EncodeOptions>): Encoding;
  /** The ids alone: several times faster than `encode`. */
  encodeIds(text: string, options?: Partial<EncodeOptions>): Int32Array;
  /** How many tokens `encodeIds` would give without a limit. */
  count(text: string, addSpecialTokens?: boolean): number;
  /** Text from ids; special tokens are left out unless `skipSpecialTokens` is false. */
  decode(ids: ArrayLike<number>, options?: { skipSpecialTokens?: boolean }): string;
  /** Text from tokens as `encode` gives them, special ones or not. */
  joinTokens(tokens: readonly string[]): string;
  /** Decodes token by token; see DecodeStream. */
  createDecodeStream(options?: { skipSpecialTokens?: boolean }): DecodeStream;
  idToToken(id: number): string | undefined;
  tokenToId(token: string): number | undefined;
  /** Special tokens put in around one text, or around two. */
  specialTokenCount(pair?: boolean): number;
  /** Ids lie below this number: the model's tokens and the added ones. */
  readonly vocabSize: number;
  readonly padId: number;
  /** The id of what the vocabulary does not know; undefined where there is none. */
  readonly unknownId: number | undefined;
  /** What tokens begin with that go on with a word ("##"); "" where the model does not mark them. */
  readonly subwordPrefix: string;
  readonly specialTokens: readonly SpecialToken[];
  /** The limit that the tokenizer file itself names; never applied unless asked for with `maxTokens`. */
  readonly fileMaxTokens: number | undefined;
}

/** Builds a tokenizer from a parsed tokenizer.json. Throws TokenizerError naming the part that is not supported. */
export function createTokenizer(json: unknown): Tokenizer {
  if (json === null || typeof json !== 'object') throw new TokenizerError('a tokenizer file must hold an object');
  const config = json as Record<string, unknown>;
  const normalizer = createNormalizer(config.normalizer);
  const { model, rawBytes } = createModel(config.model, config.pre_tokenizer);
  const preTokenizer = createPreTokenizer(config.pre_tokenizer, { rawBytes });
  const postProcessor = createPostProcessor(config.post_processor);
  const decoder = createDecoder(config.decoder);
  const added = createAddedTokens(config.added_tokens, model, normalizer);
  const special = added.list.filter((token) => token.special);
  const specialTexts = new Set(special.map((token) => token.content));
  const sink = new TokenSink();
  const alwaysTrack = preTokenizer?.needsPlaces === true;

  const textOf = (id: number): string | undefined => added.byId.get(id)?.pattern ?? model.vocabulary.textOf(id);

  const runSection = (section: Section, tracked: boolean) => {
    const first = sink.length;
    const { text } = section.text;
    if (section.tokenId >= 0) {
      if (text !== model.vocabulary.textOf(section.tokenId)) sink.pushText(section.tokenId, 0, text.length, text);
      else sink.push(section.tokenId, 0, text.length);
      sink.word++;
    } else {
      preTokenizer?.apply(section);
      const words = section.text.text;
      const { ranges } = section;
      for (let i = 0; i < ranges.length; i += 2) {
        model.tokenize(words, ranges[i] as number, ranges[i + 1] as number, sink);
        sink.word++;
      }
    }
    if (tracked) place(section.text, first);
  };

  /** Turns places in the section's text into places in the original. */
  const place = ({ align, base }: AlignedText, first: number) => {
    const { starts, ends, length } = sink;
    if (align !== null) {
      for (let i = first; i < length; i++) {
        starts[i] = align[2 * (starts[i] as number)] as number;
        ends[i] = align[2 * (ends[i] as number) - 1] as number;
      }
    } else if (base !== 0) {
      for (let i = first; i < length; i++) {
        starts[i] = (starts[i] as number) + base;
        ends[i] = (ends[i] as number) + base;
      }
    }
  };

  const runNormalized = (raw: string, base: number, tracked: boolean) => {
    let text: AlignedText;
    if (tracked) {
      text = alignedText(raw, base);
      if (normalizer !== undefined) text = normalizer.aligned(text);
    } else text = { text: normalizer === undefined ? raw : normalizer.plain(raw), base: UNTRACKED, align: null };
    const pieces = added.normalized;
    if (pieces !== undefined) {
      const some = pieces.find(text.text, (start, end, id) => {
        runSection(wholeSection(sliceAligned(text, start, end), id), tracked);
      });
      if (some) return;
    }
    if (text.text !== '') runSection(wholeSection(text, -1), tracked);
  };

  /** Fills the sink with the tokens of one text. */
  const run = (input: string, places: boolean) => {
    sink.clear();
    const tracked = places || alwaysTrack;
    const text = wellFormed(input);
    if (added.raw !== undefined) {
      const some = added.raw.find(text, (start, end, id) => {
        const piece = text.slice(start, end);
        if (id < 0) runNormalized(piece, start, tracked);
        else runSection(wholeSection({ text: piece, base: tracked ? start : UNTRACKED, align: null }, id), tracked);
      });
      if (some) return text;
    }
    if (text !== '') runNormalized(text, 0, tracked);
    return text;
  };

  const partOf = (text: string, sequence: number): { part: Part; text: string } => {
    const wellFormed = run(text, true);
    const { length, texts } = sink;
    const ids = Array.from(sink.ids.subarray(0, length));
    const offsets = new Array<number>(2 * length);
    for (let i = 0; i < length; i++) {
      offsets[2 * i] = sink.starts[i] as number;
      offsets[2 * i + 1] = sink.ends[i] as number;
    }
    return {
      text: wellFormed,
      part: {
        ids,
        typeIds: new Array<number>(length).fill(sequence),
        special: new Array<number>(length).fill(0),
        attention: new Array<number>(length).fill(1),
        offsets,
        words: Array.from(sink.words.subarray(0, length)),
        sequences: new Array<number>(length).fill(sequence),
        tokens: ids.map((id, i) => texts?.get(i) ?? model.vocabulary.textOf(id) ?? textOf(id) ?? ''),
        overflowing: [],
      },
    };
  };

  /** The tokens in the sink as an encoding of one text, put together at once. */
  const sealSink = (text: string, { before, after, typeId, trim }: Around): Encoding => {
    const { length, texts } = sink;
    const first = before.ids.length;
    const last = first + length;
    const size = last + after.ids.length;
    const ids = new Int32Array(size);
    const typeIds = new Uint8Array(size);
    const specialTokensMask = new Uint8Array(size);
    const offsets = new Uint32Array(2 * size);
    const wordIds = new Int32Array(size);
    const sequenceIds = new Int8Array(size);
    ids.set(sink.ids.subarray(0, length), first);
    wordIds.set(sink.words.subarray(0, length), first);
    if (typeId !== 0) typeIds.fill(typeId, first, last);
    for (let i = 0, to = 2 * first; i < length; i++) {
      offsets[to++] = sink.starts[i] as number;
      offsets[to++] = sink.ends[i] as number;
    }
    const special = (at: number, id: number, type: number) => {
      ids[at] = id;
      typeIds[at] = type;
      specialTokensMask[at] = 1;
      wordIds[at] = -1;
      sequenceIds[at] = -1;
    };
    for (let i = 0; i < first; i++) special(i, before.ids[i] as number, before.typeIds[i] as number);
    for (let i = last; i < size; i++) special(i, after.ids[i - last] as number, after.typeIds[i - last] as number);
    if (trim !== undefined) {
      const own = offsets.subarray(2 * first, 2 * last);
      for (let i = 0; i < length; i++) {
        const known = texts?.get(i);
        const leading = known === undefined ? spaces.leading(ids[first + i] as number) : leadingSpaces(known);
        const trailing = known === undefined ? spaces.trailing(ids[first + i] as number) : trailingSpaces(known);
        if (leading + trailing > 0) trimOffset(own, i, leading, trailing, trim.addPrefixSpace, text);
      }
    }
    let tokens: readonly string[] | undefined;
    return {
      ids,
      typeIds,
      specialTokensMask,
      attentionMask: new Uint8Array(size).fill(1),
      offsets,
      wordIds,
      sequenceIds,
      overflowing: [],
      get tokens() {
        tokens ??= Array.from(ids, (id, i) => {
          if (i < first) return before.tokens[i] as string;
          if (i >= last) return after.tokens[i - last] as string;
          return texts?.get(i - first) ?? model.vocabulary.textOf(id) ?? textOf(id) ?? '';
        });
        return tokens;
      },
    };
  };

  const spaces = createSpaceTable((id) => model.vocabulary.textOf(id) ?? textOf(id) ?? '');

  const encodeOne = (input: string, options: Partial<EncodeOptions> = {}): Encoding => {
    if (around === undefined) return encodeAll([input], options);
    const bare = options.addSpecialTokens === false;
    const room = options.maxTokens === undefined ? undefined : roomFor(options.maxTokens, false, !bare);
    const text = run(input, true);
    // What does not fit is done again, with the pieces that overflow.
    if (room !== undefined && sink.length > room) return encodeAll([input], options);
    return sealSink(text, bare ? bareAround : around);
  };

  const encodeAll = (inputs: readonly string[], options: Partial<EncodeOptions> = {}): Encoding => {
    const addSpecialTokens = options.addSpecialTokens !== false;
    const read = inputs.map(partOf);
    let parts = read.map((r) => r.part);
    const texts = read.map((r) => r.text);
    if (options.maxTokens !== undefined) {
      parts = truncateParts(parts, {
        max: roomFor(options.maxTokens, inputs.length > 1, addSpecialTokens),
        stride: options.stride ?? 0,
        side: options.truncationSide ?? 'right',
        strategy: options.truncationStrategy ?? 'longest_first',
      });
    }
    numberParts(parts);
    if (postProcessor !== undefined) parts = postProcessor.process(parts, addSpecialTokens, texts);
    return mergeParts(parts);
  };

  const roomFor = (maxTokens: number, pair: boolean, addSpecialTokens: boolean): number => {
    const specials = addSpecialTokens ? (postProcessor?.added(pair) ?? 0) : 0;
    if (!(maxTokens >= specials)) {
      throw new TokenizerError(`maxTokens is ${maxTokens}, and the special tokens alone are ${specials}`);
    }
    return maxTokens - specials;
  };

  const joinTokens = (tokens: readonly string[]): string =>
    decoder === undefined ? tokens.join(' ') : decoder([...tokens]).join('');

  const decode = (ids: ArrayLike<number>, skipSpecialTokens: boolean): string => {
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const token = textOf(ids[i] as number);
      if (token === undefined || (skipSpecialTokens && specialTexts.has(token))) continue;
      tokens.push(token);
    }
    return joinTokens(tokens);
  };

  const tokenToId = (token: string): number | undefined => {
    const id = added.byContent.get(token) ?? model.vocabulary.idOf(token);
    return id < 0 ? undefined : id;
  };

  const around = postProcessor === undefined ? NOTHING_AROUND : postProcessor.around;
  const bareAround = { ...(around ?? NOTHING_AROUND), before: NOTHING_AROUND.before, after: NOTHING_AROUND.after };

  return {
    encode: encodeOne,
    encodePair: (first, second, options) => encodeAll([first, second], options),
    encodeIds(text, options = {}) {
      const addSpecialTokens = options.addSpecialTokens !== false;
      if (around === undefined || (options.truncationStrategy ?? 'longest_first') === 'only_second') {
        return encodeAll([text], options).ids;
      }
      run(text, false);
      const before = addSpecialTokens ? around.before.ids : [];
      const after = addSpecialTokens ? around.after.ids : [];
      let from = 0;
      let to = sink.length;
      if (options.maxTokens !== undefined) {
        const room = roomFor(options.maxTokens, false, addSpecialTokens);
        if (to > room) {
          if (options.truncationSide === 'left') from = to - room;
          else to = room;
        }
      }
      const ids = new Int32Array(before.length + to - from + after.length);
      for (let i = 0; i < before.length; i++) ids[i] = before[i] as number;
      ids.set(sink.ids.subarray(from, to), before.length);
      for (let i = 0; i < after.length; i++) ids[before.length + to - from + i] = after[i] as number;
      return ids;
    },
    count(text, addSpecialTokens = true) {
      run(text, false);
      return sink.length + (addSpecialTokens ? (postProcessor?.added(false) ?? 0) : 0);
    },
    decode: (ids, options) => decode(ids, options?.skipSpecialTokens !== false),
    joinTokens,
    createDecodeStream: (options) => createDecodeStream((ids) => decode(ids, options?.skipSpecialTokens !== false)),
    idToToken: textOf,
    tokenToId,
    specialTokenCount: (pair = false) => postProcessor?.added(pair) ?? 0,
    vocabSize: added.list.reduce((size, token) => Math.max(size, token.id + 1), model.vocabulary.idLimit),
    padId: padIdOf(config, tokenToId, special),
    ...wordFacts(config.model, tokenToId),
    specialTokens: special.map(({ id, content }) => ({ id, content })),
    fileMaxTokens: (config.truncation as { max_length?: number } | null | undefined)?.max_length,
  };
}

/** What the model of a tokenizer file says of words it does not know, and of tokens that go on with one. */
function wordFacts(
  model: unknown,
  tokenToId: (token: string) => number | undefined,
): Pick<Tokenizer, 'unknownId' | 'subwordPrefix'> {
  const { unk_token: token, unk_id: id, continuing_subword_prefix: prefix } = model as Record<string, unknown>;
  const known = typeof token === 'string' ? tokenToId(token) : undefined;
  return {
    unknownId: typeof id === 'number' ? id : known,
    subwordPrefix: typeof prefix === 'string' ? prefix : '',
  };
}

/** Counts the spaces at both ends of vocabulary tokens, once each. */
function createSpaceTable(textOf: (id: number) => string) {
  // One more than the count; 0 where it is not known yet.
  let leading = new Uint8Array(0);
  let trailing = new Uint8Array(0);
  const count = (id: number) => {
    if (id >= leading.length) {
      const size = Math.max(id + 1, 2 * leading.length);
      const [l, t] = [new Uint8Array(size), new Uint8Array(size)];
      l.set(leading);
      t.set(trailing);
      leading = l;
      trailing = t;
    }
    const text = textOf(id);
    leading[id] = Math.min(leadingSpaces(text), 254) + 1;
    trailing[id] = Math.min(trailingSpaces(text), 254) + 1;
  };
  return {
    leading(id: number): number {
      if (!((leading[id] as number) > 0)) count(id);
      return (leading[id] as number) - 1;
    },
    trailing(id: number): number {
      if (!((trailing[id] as number) > 0)) count(id);
      return (trailing[id] as number) - 1;
    },
  };
}

const PAD_NAMES = ['[PAD]', '<pad>', '<PAD>', '<|pad|>', '<|padding|>', '<|endoftext|>'];

function padIdOf(
  config: Record<string, unknown>,
  tokenToId: (token: string) => number | undefined,
  special: readonly AddedToken[],
): number {
  const named = (config.padding as { pad_id?: number } | null | undefined)?.pad_id;
  if (named !== undefined) return named;
  for (const name of PAD_NAMES) {
    const id = tokenToId(name);
    if (id !== undefined) return id;
  }
  return special[0]?.id ?? 0;
}
