// Which characters are one when case is ignored, as Oniguruma has it: by simple case folding, and a few letters that
// stand for two or three others (ß for ss). The tables are made from JavaScript's own case mapping when first needed.
import { isAssigned } from './character-class.js';

/** Where letters with case are. */
const CASED = [
  0x41, 0x5b, 0x61, 0x7b, 0xb5, 0x590, 0x10a0, 0x1100, 0x13a0, 0x1400, 0x1c80, 0x1cc0, 0x1d79, 0x1d8f, 0x1e00, 0x2000,
  0x2126, 0x2190, 0x24b6, 0x24ea, 0x2c00, 0x2d30, 0xa640, 0xa7fb, 0xab53, 0xabc0, 0xfb00, 0xfb18, 0xff21, 0xff5b,
  0x10400, 0x10600, 0x10c80, 0x10d90, 0x118a0, 0x118e0, 0x16e40, 0x16ee0, 0x1e900, 0x1e944,
];
/** Lower case without a capital of its own. */
const DOTLESS = 0x131;

interface Folds {
  /** Every character that is one with others, and these, itself included. */
  readonly same: ReadonlyMap<number, readonly number[]>;
  /** Texts of several characters, folded, and the characters that stand for them. */
  readonly long: ReadonlyMap<string, readonly number[]>;
  /** The other way round. */
  readonly longOf: ReadonlyMap<number, readonly number[]>;
}

let made: Folds | undefined;

function folds(): Folds {
  made ??= readFolds();
  return made;
}

function readFolds(): Folds {
  const same = new Map<number, number[]>();
  const long = new Map<string, number[]>();
  const longOf = new Map<number, number[]>();
  for (let k = 0; k < CASED.length; k += 2) {
    for (let point = CASED[k] as number; point < (CASED[k + 1] as number); point++) {
      if (point === DOTLESS || !isAssigned(point)) continue;
      const text = String.fromCodePoint(point);
      const lower = [...text.toLowerCase()];
      const folded = [...text.toUpperCase().toLowerCase()];
      const whole = lower.length > 1 ? lower : folded;
      if (whole.length > 1 || point === 0x1e9e) {
        const to = point === 0x1e9e ? ['s', 's'] : whole;
        const key = to.join('');
        long.set(key, [...(long.get(key) ?? []), point]);
        longOf.set(
          point,
          to.map((c) => c.codePointAt(0) as number),
        );
      }
      for (const other of [...lower, text.toUpperCase()]) {
        if ([...other].length === 1 && lower.length === 1) join(same, point, other.codePointAt(0) as number);
      }
    }
  }
  return { same, long, longOf };
}

function join(same: Map<number, number[]>, a: number, b: number): void {
  if (a === b) return;
  const all = new Set([...(same.get(a) ?? [a]), ...(same.get(b) ?? [b])]);
  const list = [...all].sort((x, y) => x - y);
  for (const point of list) same.set(point, list);
}

/** Every character that is the same as `point` when case is ignored, itself included. */
export function caseVariants(point: number): readonly number[] {
  // The letters of most patterns, without the tables.
  if (point < 0x80) {
    const lower = point | 0x20;
    if (lower < 0x61 || lower > 0x7a) return [point];
    const both = [lower - 0x20, lower];
    return lower === 0x73 ? [...both, 0x17f] : lower === 0x6b ? [...both, 0x212a] : both;
  }
  return folds().same.get(point) ?? [point];
}

/** The characters that `point` stands for when case is ignored: two s for ß. */
export function longFold(point: number): readonly number[] | undefined {
  return point < 0x80 ? undefined : folds().longOf.get(point);
}

/** The characters that stand for the two or three given ones. */
export function shortFolds(points: readonly number[]): readonly number[] {
  const plain = points.every((point) => point < 0x80);
  if (plain && !/^(?:ss|st|ff|fi|fl|ffi|ffl)$/i.test(String.fromCodePoint(...points))) return [];
  const key = points.map((point) => String.fromCodePoint(foldOf(point))).join('');
  return folds().long.get(key) ?? [];
}

/** One character for all that are the same. */
function foldOf(point: number): number {
  const lower = String.fromCodePoint(point).toLowerCase();
  const variants = caseVariants(point);
  const simple = lower.codePointAt(0) as number;
  if (point === 0x17f) return 0x73;
  return variants.includes(simple) ? simple : point;
}

/** Characters outside a set that are the same as one inside, and the texts that one inside stands for. */
export function foldClosure(has: (point: number) => boolean): { points: number[]; texts: number[][] } {
  const { same, longOf } = folds();
  const points: number[] = [];
  for (const [point, variants] of same) if (!has(point) && variants.some(has)) points.push(point);
  const texts: number[][] = [];
  for (const [point, text] of longOf) if (has(point)) texts.push([...text]);
  return { points, texts };
}
