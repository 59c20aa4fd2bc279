// Post-processors: the special tokens around one or two texts, their type ids, and trimmed offsets for byte-level ones.
import { joinParts, type Part } from './encoding.js';
import { TokenizerError } from './error.js';
import { isWhitespace } from './unicode/points.js';

export interface PostProcessor {
  /** Special tokens put in around one or two texts. */
  added(pair: boolean): number;
  /** Works on one part per text; `texts` are the originals, for moving offsets by characters. */
  process(parts: Part[], addSpecialTokens: boolean, texts: readonly string[]): Part[];
  /** What happens to a single text, where that is simply said; undefined where `process` must be asked. */
  readonly around: Around | undefined;
}

/** Special tokens before and after a single text, which keeps its own tokens as they are. */
export interface Around {
  readonly before: SpecialTokens;
  readonly after: SpecialTokens;
  /** Type id of the text's own tokens, when special tokens are asked for and when not. */
  readonly typeId: number;
  readonly trim: Trim | undefined;
}

export interface SpecialTokens {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
  readonly tokens: readonly string[];
}

/** Takes spaces out of offsets; `addPrefixSpace`: one space before the first word was never in the text. */
export interface Trim {
  readonly addPrefixSpace: boolean;
}

const NOTHING: SpecialTokens = { ids: [], typeIds: [], tokens: [] };

/** How texts are surrounded where there is no post-processor. */
export const NOTHING_AROUND: Around = { before: NOTHING, after: NOTHING, typeId: 0, trim: undefined };

/** Builds the `post_processor` of a tokenizer file. */
export function createPostProcessor(json: unknown): PostProcessor | undefined {
  if (json === null || json === undefined) return undefined;
  const config = json as Record<string, unknown>;
  switch (config.type) {
    case 'BertProcessing': {
      const [cls, sep] = [named(config.cls), named(config.sep)];
      return surround([cls], [sep], [], [sep], 0, 1);
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [named(config.cls), named(config.sep)];
      const inner = surround([cls], [sep], [sep], [sep], 0, 0);
      const trims = config.trim_offsets !== false;
      const prefix = config.add_prefix_space !== false;
      return {
        ...inner,
        around: { ...(inner.around as Around), trim: trims ? { addPrefixSpace: prefix } : undefined },
        process(parts, addSpecialTokens, texts) {
          if (trims) trimAll(parts, prefix, texts);
          for (const part of parts) {
            part.typeIds.fill(0);
            if (addSpecialTokens) for (const piece of part.overflowing) piece.typeIds.fill(0);
          }
          return inner.process(parts, addSpecialTokens, texts);
        },
      };
    }
    case 'TemplateProcessing':
      return template(config);
    case 'ByteLevel': {
      const trim = config.trim_offsets === false ? undefined : { addPrefixSpace: config.add_prefix_space !== false };
      return {
        added: () => 0,
        around: { ...NOTHING_AROUND, trim },
        process(parts, _addSpecialTokens, texts) {
          if (trim !== undefined) trimAll(parts, trim.addPrefixSpace, texts);
          for (const [i, part] of parts.entries()) setSequence(part, i);
          return parts;
        },
      };
    }
    case 'Sequence': {
      const list = (config.processors as unknown[]).map(createPostProcessor).filter((p) => p !== undefined);
      return {
        added: (pair) => list.reduce((sum, p) => sum + p.added(pair), 0),
        around: list.reduce<Around | undefined>((sum, p) => inside(sum, p.around), NOTHING_AROUND),
        process: (parts, addSpecialTokens, texts) =>
          list.reduce((done, p) => p.process(done, addSpecialTokens, texts), parts),
      };
    }
    default:
      throw new TokenizerError(`the post-processor ${String(config.type)} is not supported`);
  }
}

/** One post-processor after another; trimming is only simple while nothing surrounds the text yet. */
function inside(inner: Around | undefined, outer: Around | undefined): Around | undefined {
  if (inner === undefined || outer === undefined) return undefined;
  const bare = inner.before.ids.length === 0 && inner.after.ids.length === 0;
  if (bare && inner.trim === undefined) return outer;
  if (outer.before.ids.length > 0 || outer.after.ids.length > 0) {
    return bare && outer.trim === undefined ? { ...outer, trim: inner.trim } : undefined;
  }
  return undefined;
}

/** Marks the parts as first and second text, as every post-processor expects them. */
export function numberParts(parts: readonly Part[]): void {
  parts.forEach((part, i) => {
    for (const p of [part, ...part.overflowing]) setSequence(p, i);
    part.typeIds.fill(i);
  });
}

interface SpecialToken {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

function named(value: unknown): SpecialToken {
  const [token, id] = value as [string, number];
  return { ids: [id], tokens: [token] };
}

function setSequence(part: Part, sequence: number): void {
  part.sequences.fill(sequence);
}

function specialPart(token: SpecialToken, typeId: number): Part {
  const count = token.ids.length;
  return {
    ids: [...token.ids],
    typeIds: new Array(count).fill(typeId),
    special: new Array(count).fill(1),
    attention: new Array(count).fill(1),
    offsets: new Array(2 * count).fill(0),
    words: new Array(count).fill(-1),
    sequences: new Array(count).fill(-1),
    tokens: [...token.tokens],
    overflowing: [],
  };
}

/** The processors of BERT and RoBERTa: fixed tokens around the first text and around the second. */
function surround(
  before: SpecialToken[],
  after: SpecialToken[],
  beforeSecond: SpecialToken[],
  afterSecond: SpecialToken[],
  typeFirst: number,
  typeSecond: number,
): PostProcessor {
  const wrap = (part: Part, front: SpecialToken[], back: SpecialToken[], typeId: number): Part => {
    const around = (inner: Part) =>
      [...front.map((t) => specialPart(t, typeId)), inner, ...back.map((t) => specialPart(t, typeId))].reduce(
        joinParts,
      );
    return {
      ...around({ ...part, overflowing: [] }),
      overflowing: part.overflowing.map((piece) => around({ ...piece, overflowing: [] })),
    };
  };
  return {
    added: (pair) => before.length + after.length + (pair ? beforeSecond.length + afterSecond.length : 0),
    around: { before: joined(before, typeFirst), after: joined(after, typeFirst), typeId: 0, trim: undefined },
    process(parts, addSpecialTokens) {
      if (!addSpecialTokens) return parts;
      return parts.map((part, i) =>
        i === 0 ? wrap(part, before, after, typeFirst) : wrap(part, beforeSecond, afterSecond, typeSecond),
      );
    },
  };
}

function joined(tokens: readonly SpecialToken[], typeId: number): SpecialTokens {
  const ids = tokens.flatMap((t) => [...t.ids]);
  return { ids, typeIds: ids.map(() => typeId), tokens: tokens.flatMap((t) => [...t.tokens]) };
}

type Piece =
  | { readonly sequence: number; readonly typeId: number }
  | { readonly token: SpecialToken; readonly typeId: number };

function template(config: Record<string, unknown>): PostProcessor {
  const specials = (config.special_tokens ?? {}) as Record<string, SpecialToken>;
  const read = (value: unknown): Piece[] =>
    (value as Record<string, { id: string; type_id: number }>[]).map((entry) => {
      if (entry.Sequence !== undefined)
        return { sequence: entry.Sequence.id === 'A' ? 0 : 1, typeId: entry.Sequence.type_id };
      const special = entry.SpecialToken;
      const token = special === undefined ? undefined : specials[special.id];
      if (special === undefined || token === undefined) {
        throw new TokenizerError(`the template uses the special token ${special?.id}, which it does not define`);
      }
      return { token, typeId: special.type_id };
    });
  const single = read(config.single);
  const pair = read(config.pair);
  const count = (pieces: readonly Piece[]) =>
    pieces.reduce((sum, p) => sum + ('token' in p ? p.token.ids.length : 0), 0);
  const place = single.findIndex((p) => 'sequence' in p);
  const simple = place >= 0 && single.filter((p) => 'sequence' in p).length === 1;
  const around = (pieces: readonly Piece[]): SpecialTokens => {
    const tokens = pieces.flatMap((p) => ('token' in p ? [joined([p.token], p.typeId)] : []));
    return {
      ids: tokens.flatMap((t) => t.ids),
      typeIds: tokens.flatMap((t) => t.typeIds),
      tokens: tokens.flatMap((t) => t.tokens),
    };
  };
  const added = { single: count(single), pair: count(pair) };
  return {
    added: (isPair) => (isPair ? added.pair : added.single),
    around: simple
      ? {
          before: around(single.slice(0, place)),
          after: around(single.slice(place + 1)),
          typeId: (single[place] as Piece).typeId,
          trim: undefined,
        }
      : undefined,
    process(parts, addSpecialTokens) {
      const out: Part[] = [];
      for (const piece of parts.length > 1 ? pair : single) {
        if ('token' in piece) {
          if (addSpecialTokens) out.push(specialPart(piece.token, piece.typeId));
          continue;
        }
        const part = parts[piece.sequence];
        if (part === undefined) continue;
        part.typeIds.fill(piece.typeId);
        setSequence(part, piece.sequence);
        out.push({ ...part, typeIds: [...part.typeIds], sequences: [...part.sequences] });
      }
      return out;
    },
  };
}

function trimAll(parts: readonly Part[], addPrefixSpace: boolean, texts: readonly string[]): void {
  parts.forEach((part, i) => {
    for (const p of [part, ...part.overflowing]) trimOffsets(p, addPrefixSpace, texts[i] ?? '');
  });
}

/** Takes the spaces at the ends of tokens out of their offsets. */
function trimOffsets(part: Part, addPrefixSpace: boolean, text: string): void {
  for (let i = 0; i < part.ids.length; i++) {
    const token = part.tokens[i] as string;
    trimOffset(part.offsets, i, leadingSpaces(token), trailingSpaces(token), addPrefixSpace, text);
  }
}

/** As `trimOffsets` for token `i`, whose spaces are counted already. */
export function trimOffset(
  offsets: number[] | Uint32Array,
  i: number,
  leading: number,
  trailing: number,
  addPrefixSpace: boolean,
  text: string,
): void {
  if (leading > 0) {
    const start = offsets[2 * i] as number;
    const own = (i === 0 || start === 0) && addPrefixSpace && leading === 1 ? 0 : leading;
    offsets[2 * i] = Math.min(forward(text, start, own), offsets[2 * i + 1] as number);
  }
  if (trailing > 0) {
    const back = backward(text, offsets[2 * i + 1] as number, trailing);
    if (back >= 0) offsets[2 * i + 1] = Math.max(back, offsets[2 * i] as number);
  }
}

/** Characters at the start of a token that stand for spaces. */
export function leadingSpaces(token: string): number {
  return spacesFrom(token, 0, 1);
}

/** Characters at the end of a token that stand for spaces. */
export function trailingSpaces(token: string): number {
  return spacesFrom(token, token.length - 1, -1);
}

function spacesFrom(token: string, at: number, step: number): number {
  let count = 0;
  for (let i = at; i >= 0 && i < token.length; i += step) {
    const unit = token.charCodeAt(i);
    if (unit !== 0x120 && !isWhitespace(unit)) break;
    count++;
  }
  return count;
}

/** `count` characters on from `at`. */
function forward(text: string, at: number, count: number): number {
  let to = at;
  for (let k = 0; k < count; k++) {
    const unit = text.charCodeAt(to);
    to += unit >= 0xd800 && unit < 0xdc00 ? 2 : 1;
  }
  return to;
}

/** `count` characters back from `at`, -1 when there are not so many. */
function backward(text: string, at: number, count: number): number {
  let to = at;
  for (let k = 0; k < count; k++) {
    if (to <= 0) return -1;
    const unit = text.charCodeAt(to - 1);
    to -= unit >= 0xdc00 && unit < 0xe000 && to > 1 ? 2 : 1;
  }
  return to;
}
