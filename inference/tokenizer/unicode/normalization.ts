// NFC, NFD, NFKC and NFKD as the library we are measured against does them: Unicode 9 tables, and for every output
// character the number of source characters it stands for, which is what keeps offsets right.
// Single decompositions come from the running Node (Unicode promises they never change); which characters decompose
// at all, and the combining classes, come from `tables.ts`.
import { inRanges, lazySet, unpackRanges } from './points.js';
import { CANONICAL, COMBINING_CLASS, COMPATIBLE, UNCOMPOSED } from './tables.js';

/** Characters with, for each, its change: 1 inserted, 0 replaces one source character, -n also swallows the next n. */
export interface Changes {
  points: number[];
  changes: number[];
}

const canonical = lazySet(CANONICAL);
const compatible = lazySet(COMPATIBLE);

let classes: Map<number, number> | undefined;
let lowestClassed = 0x300;

/** How a character is ordered among marks on the same letter; 0 for what is no such mark. */
export function combiningClass(point: number): number {
  if (point < lowestClassed) return 0;
  if (classes === undefined) {
    classes = new Map();
    for (const group of COMBINING_CLASS.split('|')) {
      const colon = group.indexOf(':');
      const ranges = unpackRanges(group.slice(colon + 1));
      const value = Number.parseInt(group.slice(0, colon), 36);
      for (let i = 0; i < ranges.length; i += 2) {
        for (let c = ranges[i] as number; c < (ranges[i + 1] as number); c++) classes.set(c, value);
      }
    }
    lowestClassed = 0x300;
  }
  return classes.get(point) ?? 0;
}

const decomposed: [Map<number, number[]>, Map<number, number[]>] = [new Map(), new Map()];

/** The full decomposition of one character, or undefined when it has none. */
function decompose(point: number, compatibility: boolean): number[] | undefined {
  if (point < 0xa0) return undefined;
  if (point >= 0xac00 && point < 0xd7a4) {
    const index = point - 0xac00;
    const tail = index % 28;
    const parts = [0x1100 + Math.floor(index / 588), 0x1161 + Math.floor((index % 588) / 28)];
    if (tail !== 0) parts.push(0x11a7 + tail);
    return parts;
  }
  if (!canonical().has(point) && !(compatibility && compatible().has(point))) return undefined;
  const cache = decomposed[compatibility ? 1 : 0];
  let parts = cache.get(point);
  if (parts === undefined) {
    const text = String.fromCodePoint(point).normalize(compatibility ? 'NFKD' : 'NFD');
    parts = Array.from(text, (c) => c.codePointAt(0) as number);
    cache.set(point, parts);
  }
  return parts;
}

let composites: Map<string, number> | undefined;

function compose(first: number, second: number): number {
  if (first >= 0x1100 && first < 0x1113 && second >= 0x1161 && second < 0x1176) {
    return 0xac00 + (first - 0x1100) * 588 + (second - 0x1161) * 28;
  }
  if (first >= 0xac00 && first < 0xd7a4 && (first - 0xac00) % 28 === 0 && second > 0x11a7 && second < 0x11c3) {
    return first + second - 0x11a7;
  }
  if (second < 0x300) return -1;
  composites ??= readComposites();
  return composites.get(pairKey(first, second)) ?? -1;
}

function pairKey(first: number, second: number): string {
  return String.fromCodePoint(first, second);
}

/** Every character that NFC keeps and NFD takes apart, by its last step: what is before the last mark, and that mark. */
function readComposites(): Map<string, number> {
  const found = new Map<string, number>();
  const never = unpackRanges(UNCOMPOSED);
  const { ranges } = canonical();
  for (let i = 0; i < ranges.length; i += 2) {
    for (let point = ranges[i] as number; point < (ranges[i + 1] as number); point++) {
      if (inRanges(never, point)) continue;
      const parts = decompose(point, false) as number[];
      const rest = String.fromCodePoint(...parts.slice(0, -1)).normalize('NFC');
      found.set(rest + String.fromCodePoint(parts.at(-1) as number), point);
    }
  }
  return found;
}

/** Whether normalization leaves the text as it is because no character in it can take part. */
export function isInert(text: string, compatibility: boolean): boolean {
  const limit = compatibility ? 0xa0 : 0xc0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= limit) return false;
  return true;
}

/** Decomposes, in canonical order. */
export function decomposeText(text: string, compatibility: boolean): Changes {
  const points: number[] = [];
  const changes: number[] = [];
  const kinds: number[] = [];
  let pending = 0;
  const push = (point: number, change: number) => {
    const kind = combiningClass(point);
    if (kind === 0) {
      sortPending(points, changes, kinds, pending);
      pending = points.length + 1;
    }
    points.push(point);
    changes.push(change);
    kinds.push(kind);
  };
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) as number;
    if (point > 0xffff) i++;
    const parts = decompose(point, compatibility);
    if (parts === undefined) push(point, 0);
    else for (let k = 0; k < parts.length; k++) push(parts[k] as number, k === 0 ? 0 : 1);
  }
  sortPending(points, changes, kinds, pending);
  return { points, changes };
}

/** Sorts the marks from `from` to the end by class, keeping the order of equals. */
function sortPending(points: number[], changes: number[], kinds: number[], from: number): void {
  const length = points.length;
  if (length - from < 2) return;
  let sorted = true;
  for (let i = from + 1; i < length && sorted; i++) sorted = (kinds[i - 1] as number) <= (kinds[i] as number);
  if (sorted) return;
  const order = Array.from({ length: length - from }, (_, i) => from + i);
  order.sort((a, b) => (kinds[a] as number) - (kinds[b] as number) || a - b);
  const p = order.map((i) => points[i] as number);
  const c = order.map((i) => changes[i] as number);
  const k = order.map((i) => kinds[i] as number);
  for (let i = 0; i < p.length; i++) {
    points[from + i] = p[i] as number;
    changes[from + i] = c[i] as number;
    kinds[from + i] = k[i] as number;
  }
}

/** Decomposes and composes again. */
export function composeText(text: string, compatibility: boolean): Changes {
  const source = decomposeText(text, compatibility);
  const points: number[] = [];
  const changes: number[] = [];
  // The starter that marks may still join, and the marks that could not, which follow it.
  let starter = -1;
  let starterChange = 0;
  let lastClass = -1;
  let held: number[] = [];
  const release = () => {
    if (starter >= 0) {
      points.push(starter);
      changes.push(starterChange);
    }
    for (let i = 0; i < held.length; i += 2) {
      points.push(held[i] as number);
      changes.push(held[i + 1] as number);
    }
    held = [];
    lastClass = -1;
  };
  for (let i = 0; i < source.points.length; i++) {
    const point = source.points[i] as number;
    const change = source.changes[i] as number;
    const kind = combiningClass(point);
    if (starter < 0) {
      if (kind !== 0) {
        points.push(point);
        changes.push(change);
      } else {
        starter = point;
        starterChange = change;
      }
      continue;
    }
    const blocked = lastClass >= kind;
    const joined = blocked ? -1 : compose(starter, point);
    if (joined >= 0) {
      starter = joined;
      starterChange += change - 1;
    } else if (kind === 0) {
      release();
      starter = point;
      starterChange = change;
    } else {
      held.push(point, change);
      lastClass = kind;
    }
  }
  release();
  return { points, changes };
}
