// SentencePiece's precompiled normalization map: a double-array trie over UTF-8 bytes whose values point into a block of
// replacement strings. Applied as `tokenizers` applies it: a grapheme cluster of fewer than six bytes is looked up whole,
// where its shortest known prefix decides for all of it; otherwise each character on its own. Or, with `longest`, as
// SentencePiece itself does: the longest text that is known goes, wherever it begins, unless a symbol to `keep` begins there.
import { type AlignedText, rewrite } from './aligned-text.js';
import { clusterEnd, joinsBefore, standsAlone } from './unicode/graphemes.js';

export interface Charsmap {
  /** The replacement for the bytes of `piece`, or undefined. */
  lookup(piece: string): string | undefined;
  plain(text: string): string;
  aligned(source: AlignedText): AlignedText;
}

const encoder = new TextEncoder();

const KEPT = 1;
const REPLACED = 2;

export function createCharsmap(bytes: Uint8Array, longest = false, keep: readonly string[] = []): Charsmap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trieBytes = view.getUint32(0, true);
  const trie = new Uint32Array(trieBytes >> 2);
  for (let i = 0; i < trie.length; i++) trie[i] = view.getUint32(4 + 4 * i, true);
  const replacements = bytes.subarray(4 + trieBytes);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const scratch = new Uint8Array(64);
  const known = new Map<string, string | undefined>();
  // What is known of each code unit as a cluster of its own: 0 is nothing.
  const states = new Uint8Array(0x10000);
  // One entry per ASCII character: undefined unless a replacement begins there.
  const ascii: (string | undefined)[] = [];

  const search = (piece: string): string | undefined => {
    const { written } = encoder.encodeInto(piece, scratch);
    let node = 0;
    let unit = trie[0] as number;
    node ^= offsetOf(unit);
    for (let i = 0; i < written; i++) {
      const byte = scratch[i] as number;
      if (byte === 0) break;
      node ^= byte;
      unit = trie[node] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node ^= offsetOf(unit);
      if ((unit >>> 8) & 1) {
        return replacementAt((trie[node] as number) & 0x7fffffff);
      }
    }
    return undefined;
  };

  const replacementAt = (start: number): string => {
    let end = start;
    while (end < replacements.length && replacements[end] !== 0) end++;
    return decoder.decode(replacements.subarray(start, end));
  };

  /** Where the longest known text at `at` ends, its replacement in `longestBy`; -1 when there is none. */
  const searchLongest = (text: string, at: number): number => {
    let node = offsetOf(trie[0] as number);
    let end = -1;
    let value = 0;
    for (let to = at; to < text.length; ) {
      const width = (text.codePointAt(to) as number) > 0xffff ? 2 : 1;
      const { written } = encoder.encodeInto(text.slice(to, to + width), scratch);
      let leaf = false;
      for (let i = 0; i < written; i++) {
        const byte = scratch[i] as number;
        node ^= byte;
        const unit = trie[node] ?? 0;
        if (byte === 0 || (unit & 0x800000ff) >>> 0 !== byte) return finish();
        node ^= offsetOf(unit);
        leaf = ((unit >>> 8) & 1) === 1;
      }
      to += width;
      if (leaf) {
        end = to;
        value = (trie[node] as number) & 0x7fffffff;
      }
    }
    return finish();

    function finish(): number {
      if (end >= 0) longestBy = replacementAt(value);
      return end;
    }
  };
  let longestBy = '';

  const kept = [...keep].sort((a, b) => b.length - a.length);
  const keptFirsts = new Set(kept.map((symbol) => symbol.charCodeAt(0)));
  /** Units of the longest symbol to keep that begins at `at`, or 0. */
  const keptAt = (text: string, at: number): number =>
    keptFirsts.has(text.charCodeAt(at)) ? (kept.find((symbol) => text.startsWith(symbol, at))?.length ?? 0) : 0;

  const lookup = (piece: string): string | undefined => {
    const cached = known.get(piece);
    if (cached !== undefined || known.has(piece)) return cached;
    const found = search(piece);
    if (known.size >= 4096) known.clear();
    known.set(piece, found);
    return found;
  };
  for (let c = 0; c < 128; c++) ascii.push(search(String.fromCharCode(c)));

  /** Calls `same` for a run left as it is and `replaced` for a piece that changes. */
  const walk = (
    text: string,
    same: (from: number, to: number) => void,
    replaced: (from: number, to: number, by: string) => void,
  ) => {
    let from = 0;
    let at = 0;
    const replace = (start: number, end: number, by: string) => {
      if (from < start) same(from, start);
      replaced(start, end, by);
      from = end;
    };
    while (longest && at < text.length) {
      const own = keptAt(text, at);
      if (own > 0) {
        at += own;
        continue;
      }
      const end = searchLongest(text, at);
      if (end < 0) at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
      else {
        replace(at, end, longestBy);
        at = end;
      }
    }
    while (at < text.length) {
      const unit = text.charCodeAt(at);
      if (unit < 128 && (at + 1 === text.length || !joinsBefore(text.charCodeAt(at + 1)))) {
        const by = ascii[unit];
        if (by !== undefined) replace(at, at + 1, by);
        at++;
        continue;
      }
      if (at + 1 === text.length || standsAlone(unit, text.charCodeAt(at + 1))) {
        let state = states[unit] as number;
        if (state === 0 && unit < 0xd800) {
          state = lookup(text[at] as string) === undefined ? KEPT : REPLACED;
          states[unit] = state;
        }
        if (state === KEPT) {
          at++;
          continue;
        }
      }
      const end = clusterEnd(text, at);
      if (utf8Length(text, at, end) < 6) {
        const by = lookup(text.slice(at, end));
        if (by !== undefined) {
          replace(at, end, by);
          at = end;
          continue;
        }
      }
      while (at < end) {
        const width = (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
        const by = lookup(text.slice(at, at + width));
        if (by !== undefined) replace(at, at + width, by);
        at += width;
      }
    }
    if (from < text.length) same(from, text.length);
  };

  return {
    lookup,
    plain(text) {
      let out = '';
      let changed = false;
      walk(
        text,
        (from, to) => {
          out += from === 0 && to === text.length ? text : text.slice(from, to);
        },
        (_from, _to, by) => {
          changed = true;
          out += by;
        },
      );
      return changed ? out : text;
    },
    aligned(source) {
      const { text } = source;
      const points: number[] = [];
      const changes: number[] = [];
      let modified = false;
      walk(
        text,
        (from, to) => {
          for (let i = from; i < to; i++) {
            const point = text.codePointAt(i) as number;
            if (point > 0xffff) i++;
            points.push(point);
            changes.push(0);
          }
        },
        (from, to, by) => {
          modified = true;
          let before = 0;
          for (let i = from; i < to; i++) {
            if ((text.codePointAt(i) as number) > 0xffff) i++;
            before++;
          }
          let after = 0;
          for (const c of by) {
            points.push(c.codePointAt(0) as number);
            changes.push(0);
            after++;
          }
          const more = after - before;
          if (more > 0) for (let k = 0; k < more; k++) changes[changes.length - 1 - k] = 1;
          else if (more < 0 && changes.length > 0) {
            changes[changes.length - 1] = (changes[changes.length - 1] as number) + more;
          }
        },
      );
      return modified ? rewrite(source, { points, changes }) : source;
    },
  };
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function utf8Length(text: string, start: number, end: number): number {
  let bytes = 0;
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : unit >= 0xd800 && unit < 0xe000 ? 2 : 3;
  }
  return bytes;
}
