// Long texts in pieces that a model can take: as many whole sentences as fit, and only where one sentence is too long
// by itself, a cut between words, or between characters. Nothing is lost, and neighbours may overlap.
import { TokenizerError } from './error.js';
import { type Span, sentences } from './sentences.js';
import type { Tokenizer } from './tokenizer.js';

export interface ChunkOptions {
  /** Tokens of a chunk at most, special ones counted. */
  maxTokens: number;
  /** Tokens that a chunk repeats from the end of the one before, at most; default 0. */
  overlapTokens?: number;
  /** Language of the text for sentence borders, BCP 47; default en. */
  locale?: string;
}

export interface Chunk extends Span {
  /** Tokens of this chunk when encoded alone, special ones counted. */
  readonly tokens: number;
}

type Counter = Pick<Tokenizer, 'count' | 'encode' | 'specialTokenCount'>;

/**
 * Splits `text` into chunks of at most `maxTokens` tokens, in order, covering all of it. Only a character that alone
 * needs more tokens than fit makes a chunk that is too long.
 */
export function chunk(text: string, tokenizer: Counter, options: ChunkOptions): Chunk[] {
  const specials = tokenizer.specialTokenCount();
  const room = options.maxTokens - specials;
  const overlap = options.overlapTokens ?? 0;
  if (!(room > 0))
    throw new TokenizerError(`maxTokens is ${options.maxTokens}, and the special tokens alone are ${specials}`);
  if (!(overlap >= 0 && overlap < room)) {
    throw new TokenizerError(
      `overlapTokens is ${overlap}; it must be less than the ${room} tokens that fit beside the special ones`,
    );
  }
  const count = (start: number, end: number) => tokenizer.count(text.slice(start, end), false);
  const pieces: Piece[] = [];
  for (const span of sentences(text, options.locale)) {
    const tokens = count(span.start, span.end);
    if (tokens <= room) pieces.push({ ...span, tokens });
    else pieces.push(...cutSentence(text, span, room - overlap, tokenizer, count));
  }
  const chunks: Chunk[] = [];
  let first = 0;
  while (first < pieces.length) {
    // Sums are only a guess (tokens may join over a border), so what they propose is counted and shortened if need be.
    // Every chunk but the first keeps the overlap free, so that it is repeated even where sentences fill chunks exactly.
    const fill = first === 0 ? room : room - overlap;
    let sum = 0;
    let next = first;
    while (next < pieces.length && (next === first || sum + (pieces[next] as Piece).tokens <= fill)) {
      sum += (pieces[next] as Piece).tokens;
      next++;
    }
    const { start } = pieces[first] as Piece;
    let tokens = count(start, (pieces[next - 1] as Piece).end);
    while (tokens > fill && next - first > 1) {
      // As many pieces go as have the tokens that are too many: counting after every one would take quadratic time.
      let excess = tokens - fill;
      while (excess > 0 && next - first > 1) excess -= (pieces[--next] as Piece).tokens;
      tokens = count(start, (pieces[next - 1] as Piece).end);
    }
    const { end } = pieces[next - 1] as Piece;
    const before = chunks.at(-1);
    let from = start;
    if (before !== undefined && overlap > 0) {
      from = overlapStart(text, before.start, start, Math.min(overlap, room - tokens), count);
      if (from < start) {
        tokens = count(from, end);
        if (tokens > room) {
          from = start;
          tokens = count(from, end);
        }
      }
    }
    chunks.push({ start: from, end, tokens: tokens + specials });
    first = next;
  }
  return chunks;
}

interface Piece extends Span {
  tokens: number;
}

type Count = (start: number, end: number) => number;

/** Cuts a sentence that is too long: between words where it can. */
function cutSentence(text: string, span: Span, room: number, tokenizer: Counter, count: Count): Piece[] {
  const pieces: Piece[] = [];
  const { offsets } = tokenizer.encode(text.slice(span.start, span.end), { addSpecialTokens: false });
  let start = span.start;
  let token = 0;
  while (start < span.end) {
    // The place in the text that the next `room` tokens reach.
    while (token < offsets.length / 2 && span.start + (offsets[2 * token + 1] as number) <= start) token++;
    const last = token + room;
    let end = last >= offsets.length / 2 ? span.end : span.start + (offsets[2 * last] as number);
    if (end <= start) end = start + widthAt(text, start);
    if (end < span.end) end = wordBorder(text, start, end);
    let tokens = count(start, end);
    while (tokens > room && end - start > widthAt(text, start)) {
      const shorter = start + Math.max(1, Math.floor(((end - start) * room) / tokens) - 1);
      end = wordBorder(text, start, Math.min(end - 1, shorter));
      tokens = count(start, end);
    }
    pieces.push({ start, end, tokens });
    start = end;
  }
  return pieces;
}

/** The last place after a space in (start, end], else `end` itself, not inside a character. */
function wordBorder(text: string, start: number, end: number): number {
  for (let i = end; i > start + (end - start) / 4; i--) if (/\s/.test(text[i - 1] as string)) return i;
  const unit = text.charCodeAt(end);
  if (unit >= 0xdc00 && unit < 0xe000) return end - 1 > start ? end - 1 : end + 1;
  return end;
}

/**
 * How far back a chunk that begins at `start` may reach to repeat at most `most` tokens, from a word on. The words'
 * beginnings are searched by halves, so that each chunk is read a few times and not once for every word of the overlap.
 */
function overlapStart(text: string, low: number, start: number, most: number, count: Count): number {
  if (most <= 0) return start;
  // Tokens are rarely longer than this many code units.
  const floor = Math.max(low, start - 16 * most);
  const begins: number[] = [];
  for (let at = start; at > floor && begins.length <= 4 * most; ) {
    let from = at;
    while (from > floor && /\s/.test(text[from - 1] as string)) from--;
    while (from > floor && !/\s/.test(text[from - 1] as string)) from--;
    const unit = text.charCodeAt(from);
    if (unit >= 0xdc00 && unit < 0xe000) from++;
    if (from >= at) break;
    begins.push(from);
    at = from;
  }
  let best = start;
  for (let near = 0, far = begins.length - 1; near <= far; ) {
    const middle = (near + far) >> 1;
    const from = begins[middle] as number;
    if (count(from, start) <= most) {
      best = from;
      near = middle + 1;
    } else far = middle - 1;
  }
  return best;
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
}
