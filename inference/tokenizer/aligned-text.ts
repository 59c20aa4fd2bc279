// A text on its way through normalization, with the place in the original text that every code unit stands for.
// Untouched text carries no table (`align` null): its units stand for themselves, `base` units further on.
// Rewriting follows one rule, kept from the library we match: every output character says how many source characters
// it replaces, and takes the place of the first of them; an inserted one takes the place of the character before it.
import type { Changes } from './unicode/normalization.js';

export interface AlignedText {
  readonly text: string;
  /** Where this text starts in the original, in code units, used while `align` is null; or UNTRACKED. */
  readonly base: number;
  /** For code unit i of `text`: start at 2i and end at 2i+1 in the original. */
  readonly align: Int32Array | null;
}

/** The base of texts whose places nobody will ask for. */
export const UNTRACKED = -1;

export function alignedText(text: string, base: number): AlignedText {
  return { text, base, align: null };
}

/** The original start of what begins at unit `start`. */
export function originalStart(source: AlignedText, start: number): number {
  return source.align === null ? source.base + start : (source.align[2 * start] as number);
}

/** The original end of the character that begins at unit `start`. */
export function firstEnd(source: AlignedText, start: number): number {
  return source.align === null
    ? source.base + start + widthAt(source.text, start)
    : (source.align[2 * start + 1] as number);
}

/** Copies the places of units [start, end) to `target` from index `at` on, and gives the index after them. */
export function copyPlaces(source: AlignedText, start: number, end: number, target: Int32Array, at: number): number {
  const { align, base, text } = source;
  let to = at;
  if (align !== null) {
    for (let i = 2 * start; i < 2 * end; i++) target[to++] = align[i] as number;
    return to;
  }
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    const low = unit >= 0xdc00 && unit < 0xe000 ? i - 1 : i;
    target[to++] = base + low;
    target[to++] = base + low + (low < i || (unit >= 0xd800 && unit < 0xdc00) ? 2 : 1);
  }
  return to;
}

/** The table of `source`, made when it has none. */
export function alignment(source: AlignedText): Int32Array {
  if (source.align !== null) return source.align;
  const { text, base } = source;
  const align = new Int32Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) {
      align[2 * i] = align[2 * i + 2] = base + i;
      align[2 * i + 1] = align[2 * i + 3] = base + i + 2;
      i++;
    } else {
      align[2 * i] = base + i;
      align[2 * i + 1] = base + i + 1;
    }
  }
  return align;
}

/** The part of `source` from unit `start` to `end`. */
export function sliceAligned(source: AlignedText, start: number, end: number): AlignedText {
  if (start === 0 && end === source.text.length) return source;
  const text = source.text.slice(start, end);
  if (source.align !== null) return { text, base: 0, align: source.align.slice(2 * start, 2 * end) };
  return { text, base: source.base === UNTRACKED ? UNTRACKED : source.base + start, align: null };
}

/** Joins characters into a string, in steps that fit the argument limit. */
export function stringOf(points: readonly number[]): string {
  if (points.length < 4096) return String.fromCodePoint(...points);
  let text = '';
  for (let i = 0; i < points.length; i += 4096) text += String.fromCodePoint(...points.slice(i, i + 4096));
  return text;
}

/** Rewrites `source`; `removed` source characters are dropped before the first output character. */
export function rewrite(source: AlignedText, { points, changes }: Changes, removed = 0): AlignedText {
  const old = source.text;
  const from = alignment(source);
  const align = new Int32Array(4 * points.length);
  let at = 0;
  const skip = (count: number) => {
    for (let k = 0; k < count && at < old.length; k++) at += widthAt(old, at);
  };
  skip(removed);
  let units = 0;
  const origin = from.length === 0 ? 0 : (from[0] as number);
  for (let i = 0; i < points.length; i++) {
    const change = changes[i] as number;
    let start: number;
    let end: number;
    if (change > 0) {
      start = at < 1 ? origin : (from[2 * at - 2] as number);
      end = at < 1 ? origin : (from[2 * at - 1] as number);
    } else {
      start = from[2 * at] as number;
      end = from[2 * at + 1] as number;
      skip(1 - change);
    }
    align[2 * units] = start;
    align[2 * units + 1] = end;
    units++;
    if ((points[i] as number) > 0xffff) {
      align[2 * units] = start;
      align[2 * units + 1] = end;
      units++;
    }
  }
  return { text: stringOf(points), base: 0, align: align.slice(0, 2 * units) };
}

/** Code units of the character at `at`: 1 or 2. */
export function widthAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length ? 2 : 1;
}

/** Keeps the characters for which `keep` says so, each in its place. */
export function filterAligned(source: AlignedText, keep: (point: number) => boolean): AlignedText {
  const from = alignment(source);
  const align = new Int32Array(from.length);
  let text = '';
  let units = 0;
  const old = source.text;
  for (let i = 0; i < old.length; ) {
    const point = old.codePointAt(i) as number;
    const width = point > 0xffff ? 2 : 1;
    if (keep(point)) {
      text += old.slice(i, i + width);
      for (let k = 0; k < 2 * width; k++) align[2 * units + k] = from[2 * i + k] as number;
      units += width;
    }
    i += width;
  }
  return { text, base: 0, align: align.slice(0, 2 * units) };
}

/** Replaces each character by the string `map` gives, all of it in that character's place. */
export function expandAligned(source: AlignedText, map: (point: number) => string): AlignedText {
  const from = alignment(source);
  const align: number[] = [];
  let text = '';
  const old = source.text;
  for (let i = 0; i < old.length; ) {
    const point = old.codePointAt(i) as number;
    const piece = map(point);
    text += piece;
    for (let k = 0; k < piece.length; k++) align.push(from[2 * i] as number, from[2 * i + 1] as number);
    i += point > 0xffff ? 2 : 1;
  }
  return { text, base: 0, align: Int32Array.from(align) };
}
