// GPT-2's word pattern by hand, because this is the hot loop of every byte-level BPE:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// One class per code unit decides each step, so a text is walked once, whatever it holds.
import { inRanges, isWhitespace, markPlane, unpackRanges } from './unicode/points.js';
import { LETTER, NUMBER } from './unicode/tables.js';

export const OTHER = 0;
export const LETTERS = 1;
export const NUMBERS = 2;
export const SPACES = 4;

let plane: Uint8Array | undefined;
let letters: Uint32Array;
let numbers: Uint32Array;

/** Classes of the first plane. */
export function classPlane(): Uint8Array {
  if (plane !== undefined) return plane;
  letters = unpackRanges(LETTER);
  numbers = unpackRanges(NUMBER);
  const made = new Uint8Array(0x10000);
  markPlane(made, letters, LETTERS);
  markPlane(made, numbers, NUMBERS);
  for (let c = 0; c <= 0x3000; c++) if (isWhitespace(c)) made[c] = SPACES;
  plane = made;
  return made;
}

/** The class of a character above the first plane. */
export function classAbove(point: number): number {
  return inRanges(letters, point) ? LETTERS : inRanges(numbers, point) ? NUMBERS : OTHER;
}

const APOSTROPHE = 0x27;
const SPACE = 0x20;

/** Cuts [start, end) of `text` into words, as pairs of start and end. */
export function gpt2Split(text: string, start: number, end: number, out: number[]): void {
  const classes = classPlane();
  let i = start;
  while (i < end) {
    const from = i;
    let unit = text.charCodeAt(i);
    if (unit === APOSTROPHE && i + 1 < end) {
      const length = contraction(text, i + 1, end);
      if (length > 0) {
        i += 1 + length;
        out.push(from, i);
        continue;
      }
    }
    if (unit === SPACE && i + 1 < end) {
      const next = text.charCodeAt(i + 1);
      if (classes[next] !== SPACES) {
        i++;
        unit = next;
      }
    }
    let kind = classes[unit] as number;
    if (kind === SPACES) {
      // A run of spaces leaves its last one to the word that follows.
      i++;
      while (i < end && classes[text.charCodeAt(i)] === SPACES) i++;
      if (i < end && i - from > 1) i--;
      out.push(from, i);
      continue;
    }
    if (unit >= 0xd800 && unit < 0xdc00) kind = classAbove(text.codePointAt(i) as number);
    // The rest of a run of this class; both halves of a pair are passed together.
    i += unit >= 0xd800 && unit < 0xdc00 ? 2 : 1;
    while (i < end) {
      const u = text.charCodeAt(i);
      if (u >= 0xd800 && u < 0xdc00) {
        if (classAbove(text.codePointAt(i) as number) !== kind) break;
        i += 2;
      } else {
        if (classes[u] !== kind) break;
        i++;
      }
    }
    out.push(from, i);
  }
}

/** Units after an apostrophe that belong to an English contraction: 0, 1 or 2. */
function contraction(text: string, at: number, end: number): number {
  const a = text.charCodeAt(at);
  if (a === 0x73 || a === 0x74 || a === 0x6d || a === 0x64) return 1;
  if (at + 1 >= end) return 0;
  const b = text.charCodeAt(at + 1);
  if (b === 0x65 && (a === 0x72 || a === 0x76)) return 2;
  return a === 0x6c && b === 0x6c ? 2 : 0;
}
