// Added tokens: texts that are taken out of the input before anything else looks at it, the leftmost longest first.
// Those marked `normalized` are looked for in the normalized text instead.
import { alignedText } from './aligned-text.js';
import type { Model } from './models/model.js';
import type { Normalizer } from './normalizer.js';
import { isWhitespace, lazySet } from './unicode/points.js';
import { WORD } from './unicode/tables.js';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly singleWord: boolean;
  /** Takes the whitespace before it along. */
  readonly lstrip: boolean;
  /** Takes the whitespace after it along. */
  readonly rstrip: boolean;
  readonly normalized: boolean;
  /** What is looked for: the content, normalized where asked. */
  readonly pattern: string;
}

/** Finds tokens in a text; ranges cover it from left to right, id -1 for what lies between. */
export interface AddedTokenFinder {
  /** False at once when no token can be in `text`. */
  find(text: string, found: (start: number, end: number, id: number) => void): boolean;
}

export interface AddedTokens {
  readonly list: readonly AddedToken[];
  readonly byId: ReadonlyMap<number, AddedToken>;
  readonly byContent: ReadonlyMap<string, number>;
  /** In the original text. */
  readonly raw: AddedTokenFinder | undefined;
  /** In the normalized text. */
  readonly normalized: AddedTokenFinder | undefined;
}

const word = lazySet(WORD);

/** Reads `added_tokens`. Ids follow the model's vocabulary; what it lacks is numbered from its end on. */
export function createAddedTokens(json: unknown, model: Model, normalizer: Normalizer | undefined): AddedTokens {
  const byId = new Map<number, AddedToken>();
  const byContent = new Map<string, number>();
  let next = model.size;
  for (const entry of (json ?? []) as Record<string, unknown>[]) {
    const content = String(entry.content);
    if (content === '') continue;
    let id = byContent.get(content) ?? model.vocabulary.idOf(content);
    if (id < 0) id = next++;
    const normalized = entry.normalized === true;
    const token: AddedToken = {
      id,
      content,
      special: entry.special === true,
      singleWord: entry.single_word === true,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
      normalized,
      pattern: normalized && normalizer !== undefined ? normalizer.aligned(alignedText(content, 0)).text : content,
    };
    byId.set(id, token);
    byContent.set(content, id);
  }
  const list = [...byId.values()];
  return {
    list,
    byId,
    byContent,
    raw: createFinder(list.filter((token) => !token.normalized)),
    normalized: createFinder(list.filter((token) => token.normalized)),
  };
}

function createFinder(tokens: readonly AddedToken[]): AddedTokenFinder | undefined {
  const usable = tokens.filter((token) => token.pattern !== '');
  if (usable.length === 0) return undefined;
  // By first code unit, longest pattern first.
  const byFirst = new Map<number, AddedToken[]>();
  for (const token of usable) {
    const unit = token.pattern.charCodeAt(0);
    const list = byFirst.get(unit);
    if (list === undefined) byFirst.set(unit, [token]);
    else list.push(token);
  }
  for (const list of byFirst.values()) list.sort((a, b) => b.pattern.length - a.pattern.length);
  const firsts = [...byFirst.keys()];
  const firstTexts = firsts.map((unit) => String.fromCharCode(unit));
  const lookups = [...byFirst.values()].map(createLookup);
  const lookupOf = new Map(firsts.map((unit, i) => [unit, lookups[i] as Lookup]));

  /** The first place from `from` on where some token may start, or -1. */
  const candidate = (text: string, from: number): number => {
    if (firsts.length <= 3) {
      let best = -1;
      for (const first of firstTexts) {
        const at = text.indexOf(first, from);
        if (at >= 0 && (best < 0 || at < best)) best = at;
      }
      return best;
    }
    for (let i = from; i < text.length; i++) if (byFirst.has(text.charCodeAt(i))) return i;
    return -1;
  };

  return {
    find(text, found) {
      let at = candidate(text, 0);
      if (at < 0) return false;
      let done = 0;
      let any = false;
      while (at >= 0) {
        const token = (lookupOf.get(text.charCodeAt(at)) as Lookup)(text, at);
        if (token === undefined) {
          at = candidate(text, at + 1);
          continue;
        }
        const matchEnd = at + token.pattern.length;
        if (!token.singleWord || standsAlone(text, at, matchEnd)) {
          any = true;
          let start = at;
          let end = matchEnd;
          if (token.lstrip) {
            while (start > 0 && isWhitespace(text.charCodeAt(start - 1))) start--;
            start = Math.max(start, done);
          }
          if (token.rstrip) while (end < text.length && isWhitespace(text.charCodeAt(end))) end++;
          if (done < start) found(done, start, -1);
          if (start < end) found(start, end, token.id);
          done = end;
        }
        at = candidate(text, matchEnd);
      }
      if (!any) return false;
      if (done !== text.length) found(done, text.length, -1);
      return true;
    },
  };
}

type Lookup = (text: string, at: number) => AddedToken | undefined;

/** Few tokens are compared one by one; many are looked up by length. */
function createLookup(tokens: readonly AddedToken[]): Lookup {
  if (tokens.length <= 8) return (text, at) => tokens.find((token) => text.startsWith(token.pattern, at));
  const byLength = new Map<number, Map<string, AddedToken>>();
  for (const token of tokens) {
    const length = token.pattern.length;
    let same = byLength.get(length);
    if (same === undefined) {
      same = new Map();
      byLength.set(length, same);
    }
    same.set(token.pattern, token);
  }
  const lengths = [...byLength.keys()].sort((a, b) => b - a);
  return (text, at) => {
    for (const length of lengths) {
      const token = byLength.get(length)?.get(text.slice(at, at + length));
      if (token !== undefined) return token;
    }
    return undefined;
  };
}

/** Whether no word character touches the range. */
function standsAlone(text: string, start: number, end: number): boolean {
  if (start > 0) {
    const low = text.charCodeAt(start - 1);
    const before = low >= 0xdc00 && low < 0xe000 && start > 1 ? (text.codePointAt(start - 2) as number) : low;
    if (word().has(before)) return false;
  }
  return end >= text.length || !word().has(text.codePointAt(end) as number);
}
