// Byte-pair encoding: a word starts as single characters (or bytes), and the pair with the best rank merges, leftmost
// first, until none is left. Short words rescan their few pairs; long ones keep a heap, so that a word of a million
// characters stays near-linear.
import { byteToChar } from '../byte-level.js';
import { TokenizerError } from '../error.js';
import { HASH_SEED, hashText } from '../hash.js';
import type { TokenSink } from '../token-sink.js';
import type { Vocabulary } from '../vocabulary.js';
import { WORD_UNITS_MAX, WordCache } from '../word-cache.js';
import type { Merges } from './merges.js';
import type { Model } from './model.js';
import { RankHeap } from './rank-heap.js';
import { byteIds } from './unigram.js';

export interface BpeOptions {
  unknownToken: string | null;
  /** Put before every character but a word's first when it is looked up. */
  continuingPrefix: string;
  /** Put after a word's last character when it is looked up. */
  endSuffix: string;
  /** Unknown neighbours become one unknown token. */
  fuseUnknown: boolean;
  /** Unknown characters become <0x..> tokens where the vocabulary has them. */
  byteFallback: boolean;
  /** A word that is a token is taken whole, merges or not. */
  ignoreMerges: boolean;
  /** Words arrive as text and are read as bytes in the ByteLevel alphabet. */
  rawBytes: boolean;
}

/** Words of at most this many symbols rescan all pairs at every merge instead of keeping a heap. */
const SCAN_SYMBOLS_MAX = 40;

/** Whether every byte has its character in the vocabulary, so that words can be read as bytes directly. */
export function knowsAllBytes(vocabulary: Vocabulary): boolean {
  return byteToChar.every((c) => vocabulary.idOf(c) >= 0);
}

export function createBpe(vocabulary: Vocabulary, merges: Merges, options: BpeOptions): Model {
  const { continuingPrefix, endSuffix, fuseUnknown, ignoreMerges, rawBytes, unknownToken } = options;
  const cache = new WordCache();
  const fallback = options.byteFallback ? byteIds(vocabulary) : undefined;
  const bytes = rawBytes ? Int32Array.from(byteToChar, (c) => vocabulary.idOf(c)) : new Int32Array(0);
  const spelled: (position: number, point: number) => number = (position, point) => {
    const text = String.fromCodePoint(point);
    return vocabulary.idOf((position & 1 ? continuingPrefix : '') + text + (position & 2 ? endSuffix : ''));
  };
  // Ids of single characters by where they stand: bit 0 not first, bit 1 last.
  const plainPositions = continuingPrefix === '' && endSuffix === '';
  const single: Map<number, number>[] = [new Map(), new Map(), new Map(), new Map()];

  // The word being merged: ids, byte lengths, and links to the neighbours.
  let ids = new Int32Array(256);
  let lengths = new Int32Array(256);
  let next = new Int32Array(256);
  let previous = new Int32Array(256);
  let count = 0;
  const heap = new RankHeap();

  const grow = () => {
    ids = larger(ids);
    lengths = larger(lengths);
    next = larger(next);
    previous = larger(previous);
  };
  const add = (id: number, length: number) => {
    if (count === ids.length) grow();
    ids[count] = id;
    lengths[count] = length;
    count++;
  };

  const characterId = (position: number, point: number): number => {
    const known = single[position] as Map<number, number>;
    let id = known.get(point);
    if (id === undefined) {
      id = spelled(position, point);
      if (known.size < 0x10000) known.set(point, id);
    }
    return id;
  };

  /** Fills the word with one symbol per byte. */
  const readBytes = (text: string, start: number, end: number) => {
    if (ids.length < 3 * (end - start)) while (ids.length < 3 * (end - start)) grow();
    for (let i = start; i < end; i++) {
      const unit = text.charCodeAt(i);
      if (unit < 0x80) add(bytes[unit] as number, 1);
      else if (unit < 0x800) {
        add(bytes[0xc0 | (unit >> 6)] as number, 1);
        add(bytes[0x80 | (unit & 0x3f)] as number, 1);
      } else {
        let point = unit;
        if (unit >= 0xd800 && unit < 0xdc00) {
          point = text.codePointAt(i) as number;
          i++;
          add(bytes[0xf0 | (point >> 18)] as number, 1);
          add(bytes[0x80 | ((point >> 12) & 0x3f)] as number, 1);
        } else add(bytes[0xe0 | (point >> 12)] as number, 1);
        add(bytes[0x80 | ((point >> 6) & 0x3f)] as number, 1);
        add(bytes[0x80 | (point & 0x3f)] as number, 1);
      }
    }
  };

  /** Fills the word with one symbol per character, with unknown ones as the options say. */
  const readCharacters = (text: string, start: number, end: number) => {
    let pending = -1;
    let pendingLength = 0;
    for (let i = start; i < end; ) {
      const point = text.codePointAt(i) as number;
      const width = point > 0xffff ? 2 : 1;
      const position = plainPositions ? 0 : (i > start ? 1 : 0) | (i + width >= end ? 2 : 0);
      const id = characterId(position, point);
      const length = utf8Width(point);
      if (id >= 0) {
        if (pending >= 0) add(pending, pendingLength);
        pending = -1;
        add(id, length);
      } else if (fallback === undefined || !addBytes(position, point)) {
        if (unknownToken !== null) {
          const unknown = vocabulary.idOf(unknownToken);
          if (unknown < 0) throw new TokenizerError(`the vocabulary lacks its own unknown token ${unknownToken}`);
          if (pending >= 0 && fuseUnknown) pendingLength += length;
          else {
            if (pending >= 0) add(pending, pendingLength);
            pending = unknown;
            pendingLength = length;
          }
        }
      }
      i += width;
    }
    if (pending >= 0) add(pending, pendingLength);
  };

  const byteScratch = new Uint8Array(512);
  const addBytes = (position: number, point: number): boolean => {
    const text = (position & 1 ? continuingPrefix : '') + String.fromCodePoint(point) + (position & 2 ? endSuffix : '');
    const { written } = encoder.encodeInto(text, byteScratch);
    for (let i = 0; i < written; i++)
      if (((fallback as Int32Array)[byteScratch[i] as number] as number) < 0) return false;
    for (let i = 0; i < written; i++) add((fallback as Int32Array)[byteScratch[i] as number] as number, 1);
    return true;
  };

  /** Merges a short word by looking at every pair each time; afterwards `count` symbols are left. */
  const mergeByScan = () => {
    while (count > 1) {
      let bestAt = -1;
      let bestRank = 0x7fffffff;
      for (let i = 0; i + 1 < count; i++) {
        // `next` serves as the rank of the pair that starts here.
        const rank = next[i] as number;
        if (rank >= 0 && rank < bestRank) {
          bestRank = rank;
          bestAt = i;
        }
      }
      if (bestAt < 0) return;
      ids[bestAt] = merges.madeBy(bestRank);
      lengths[bestAt] = (lengths[bestAt] as number) + (lengths[bestAt + 1] as number);
      count--;
      for (let i = bestAt + 1; i < count; i++) {
        ids[i] = ids[i + 1] as number;
        lengths[i] = lengths[i + 1] as number;
        next[i] = next[i + 1] as number;
      }
      if (bestAt + 1 < count) next[bestAt] = merges.rank(ids[bestAt] as number, ids[bestAt + 1] as number);
      if (bestAt > 0) next[bestAt - 1] = merges.rank(ids[bestAt - 1] as number, ids[bestAt] as number);
    }
  };

  /** Merges a long word with a heap of candidate pairs; stale candidates are recognised by their rank. */
  const mergeByHeap = () => {
    for (let i = 0; i < count; i++) {
      next[i] = i + 1 < count ? i + 1 : -1;
      previous[i] = i - 1;
    }
    heap.clear();
    for (let i = 0; i + 1 < count; i++) {
      const rank = merges.rank(ids[i] as number, ids[i + 1] as number);
      if (rank >= 0) heap.push(rank, i);
    }
    while (heap.pop()) {
      const at = heap.position;
      if (lengths[at] === 0) continue;
      const right = next[at] as number;
      if (right < 0) continue;
      if (merges.rank(ids[at] as number, ids[right] as number) !== heap.rank) continue;
      ids[at] = merges.madeBy(heap.rank);
      lengths[at] = (lengths[at] as number) + (lengths[right] as number);
      lengths[right] = 0;
      const after = next[right] as number;
      next[at] = after;
      if (after >= 0) {
        previous[after] = at;
        const rank = merges.rank(ids[at] as number, ids[after] as number);
        if (rank >= 0) heap.push(rank, at);
      }
      const before = previous[at] as number;
      if (before >= 0) {
        const rank = merges.rank(ids[before] as number, ids[at] as number);
        if (rank >= 0) heap.push(rank, before);
      }
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (lengths[i] === 0) continue;
      ids[kept] = ids[i] as number;
      lengths[kept++] = lengths[i] as number;
    }
    count = kept;
  };

  /** Hands the symbols over; byte lengths become the code units of the characters they touch. */
  const emit = (text: string, start: number, end: number, sink: TokenSink) => {
    sink.reserve(count);
    // The character that byte `at` lies in: units [low, high), bytes [byte, byteEnd).
    let low = start;
    let high = start;
    let byteEnd = 0;
    let at = 0;
    const seek = (position: number) => {
      while (byteEnd <= position && high < end) {
        low = high;
        const unit = text.charCodeAt(low);
        if (unit >= 0xd800 && unit < 0xdc00) {
          high = low + 2;
          byteEnd += 4;
        } else {
          high = low + 1;
          byteEnd += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
        }
      }
    };
    for (let i = 0; i < count; i++) {
      seek(at);
      const from = low;
      at += lengths[i] as number;
      seek(at - 1);
      sink.push(ids[i] as number, from, high);
    }
  };

  return {
    vocabulary,
    size: vocabulary.size,
    tokenize(text, start, end, sink) {
      if (start === end) return;
      const cached = end - start <= WORD_UNITS_MAX;
      if (cached && cache.replay(text, start, end, sink)) return;
      const first = sink.length;
      const whole = ignoreMerges ? wholeWord(vocabulary, text, start, end, rawBytes) : -1;
      if (whole >= 0) sink.push(whole, start, end);
      else {
        count = 0;
        if (rawBytes) readBytes(text, start, end);
        else readCharacters(text, start, end);
        if (count <= SCAN_SYMBOLS_MAX) {
          for (let i = 0; i + 1 < count; i++) next[i] = merges.rank(ids[i] as number, ids[i + 1] as number);
          mergeByScan();
        } else mergeByHeap();
        emit(text, start, end, sink);
        if (ids.length > 1 << 18) {
          ids = new Int32Array(256);
          lengths = new Int32Array(256);
          next = new Int32Array(256);
          previous = new Int32Array(256);
          heap.release();
        }
      }
      if (cached) cache.keep(text, start, end, sink, first);
    },
  };
}

const encoder = new TextEncoder();

function wholeWord(vocabulary: Vocabulary, text: string, start: number, end: number, rawBytes: boolean): number {
  if (end - start > vocabulary.longest) return -1;
  if (!rawBytes) return vocabulary.find(text, start, end, hashText(text, start, end, HASH_SEED), 0);
  let spelled = '';
  for (const byte of encoder.encode(text.slice(start, end))) spelled += byteToChar[byte];
  return vocabulary.idOf(spelled);
}

function utf8Width(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

function larger(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(2 * array.length);
  copy.set(array);
  return copy;
}
