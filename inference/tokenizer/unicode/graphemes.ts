// Extended grapheme clusters (UAX #29), on our own tables: Intl.Segmenter would make ids depend on the running Node.
import { markPlane, unpackRanges } from './points.js';
import { GRAPHEME, LINKER } from './tables.js';

// Order of the groups in the table, from 1; then those that need no table.
const CONTROL = 1;
const EXTEND = 2;
const PICTOGRAPHIC = 3;
const CONSONANT = 4;
const L = 5;
const PREPEND = 6;
const REGIONAL = 7;
const SPACING = 8;
const T = 9;
const V = 10;
const ZWJ = 11;
const LV = 12;
const LVT = 13;
const CR = 14;
const LF = 15;

let plane: Uint8Array | undefined;
let above: { low: number; high: number; kind: number }[] = [];
let linkers: Uint32Array | undefined;

function load(): Uint8Array {
  const table = new Uint8Array(0x10000);
  above = [];
  GRAPHEME.split('|').forEach((group, i) => {
    const ranges = unpackRanges(group);
    markPlane(table, ranges, i + 1);
    for (let k = 0; k < ranges.length; k += 2) {
      if ((ranges[k] as number) > 0xffff)
        above.push({ low: ranges[k] as number, high: ranges[k + 1] as number, kind: i + 1 });
    }
  });
  above.sort((a, b) => a.low - b.low);
  for (let c = 0xac00; c < 0xd7a4; c++) table[c] = (c - 0xac00) % 28 === 0 ? LV : LVT;
  table[0x200d] = ZWJ;
  table[13] = CR;
  table[10] = LF;
  linkers = unpackRanges(LINKER);
  plane = table;
  return table;
}

function kindOf(point: number): number {
  if (point < 0x10000) return (plane ?? load())[point] as number;
  let low = 0;
  let high = above.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = above[middle] as { low: number; high: number; kind: number };
    if (range.high <= point) low = middle + 1;
    else if (range.low > point) high = middle;
    else return range.kind;
  }
  return 0;
}

function isLinker(point: number): boolean {
  const ranges = linkers as Uint32Array;
  for (let i = 0; i < ranges.length; i += 2) {
    if (point >= (ranges[i] as number) && point < (ranges[i + 1] as number)) return true;
  }
  return false;
}

/** The end, in code units, of the cluster that starts at `start`. */
export function clusterEnd(text: string, start: number): number {
  if (plane === undefined) load();
  const first = text.codePointAt(start) as number;
  let before = kindOf(first);
  let at = start + (first > 0xffff ? 2 : 1);
  let flags = before === REGIONAL ? 1 : 0;
  // Emoji: a pictograph, extends, then a joiner. Conjunct: a consonant, then extends with a linker among them.
  let pictograph = before === PICTOGRAPHIC;
  let consonant = before === CONSONANT;
  let linked = false;
  while (at < text.length) {
    const point = text.codePointAt(at) as number;
    const kind = kindOf(point);
    let joined = false;
    if (before === CR) joined = kind === LF;
    else if (before === CONTROL || before === LF || kind === CONTROL || kind === CR || kind === LF) joined = false;
    else if (before === L) joined = kind === L || kind === V || kind === LV || kind === LVT;
    else if (before === LV || before === V) joined = kind === V || kind === T;
    else if (before === LVT || before === T) joined = kind === T;
    if (
      !joined &&
      before !== CR &&
      before !== LF &&
      before !== CONTROL &&
      kind !== CONTROL &&
      kind !== CR &&
      kind !== LF
    ) {
      if (kind === EXTEND || kind === ZWJ || kind === SPACING || before === PREPEND) joined = true;
      else if (kind === CONSONANT && consonant && linked) joined = true;
      else if (kind === PICTOGRAPHIC && pictograph && before === ZWJ) joined = true;
      else if (kind === REGIONAL && before === REGIONAL && flags % 2 === 1) joined = true;
    }
    if (!joined) break;
    if (kind === REGIONAL) flags++;
    if (kind === PICTOGRAPHIC) pictograph = true;
    else if (kind !== EXTEND && kind !== ZWJ) pictograph = false;
    if (kind === CONSONANT) {
      consonant = true;
      linked = false;
    } else if (kind === EXTEND || kind === ZWJ) {
      if (isLinker(point)) linked = true;
    } else consonant = false;
    before = kind;
    at += point > 0xffff ? 2 : 1;
  }
  return at;
}

/** Whether `unit` is surely a cluster of its own when `next` follows; both are code units. */
export function standsAlone(unit: number, next: number): boolean {
  const kinds = plane ?? load();
  if (kinds[unit] !== 0 || (unit >= 0xd800 && unit < 0xe000) || (next >= 0xd800 && next < 0xdc00)) return false;
  const kind = kinds[next];
  return kind !== EXTEND && kind !== ZWJ && kind !== SPACING;
}

/** Whether a character may belong to the cluster of an ASCII one before it. */
export function joinsBefore(point: number): boolean {
  return point >= 0x300 || point === 10;
}
