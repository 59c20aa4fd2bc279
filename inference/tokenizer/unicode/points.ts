// Sets of code points, unpacked from `tables.ts`. A set answers in one array read for the first plane (which is all
// but a few characters of any text) and by binary search above it. Sets are unpacked on first use and shared.

/** A set of code points. */
export interface PointSet {
  has(point: number): boolean;
  /** Half-open ranges in order: low, high, low, high. */
  readonly ranges: Uint32Array;
}

/** Unpacks words of `gap` or `gap.length` in base 36 into half-open ranges. */
export function unpackRanges(packed: string): Uint32Array {
  const words = packed === '' ? [] : packed.split(' ');
  const ranges = new Uint32Array(words.length * 2);
  let at = 0;
  for (let i = 0; i < words.length; i++) {
    const [gap, length] = (words[i] as string).split('.');
    at += Number.parseInt(gap as string, 36);
    ranges[2 * i] = at;
    at += length === undefined ? 1 : Number.parseInt(length, 36);
    ranges[2 * i + 1] = at;
  }
  return ranges;
}

/** Whether `point` lies in one of the ranges. */
export function inRanges(ranges: Uint32Array, point: number): boolean {
  let low = 0;
  let high = ranges.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[2 * middle + 1] as number) <= point) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length >> 1 && (ranges[2 * low] as number) <= point;
}

/** Writes `value` over the first-plane part of the ranges (`or` of bits). */
export function markPlane(plane: Uint8Array, ranges: Uint32Array, bits: number): void {
  for (let i = 0; i < ranges.length; i += 2) {
    const high = Math.min(ranges[i + 1] as number, plane.length);
    for (let c = ranges[i] as number; c < high; c++) plane[c] = (plane[c] as number) | bits;
  }
}

/** A function that unpacks a table once, when it is first asked for. */
export function lazySet(packed: string): () => PointSet {
  let set: PointSet | undefined;
  return () => {
    set ??= createPointSet(unpackRanges(packed));
    return set;
  };
}

export function createPointSet(ranges: Uint32Array): PointSet {
  const plane = new Uint8Array(0x10000);
  markPlane(plane, ranges, 1);
  return {
    ranges,
    has: (point) => (point < 0x10000 ? plane[point] === 1 : inRanges(ranges, point)),
  };
}

/** The 25 code points with White_Space, in the first plane all of them. */
export function isWhitespace(point: number): boolean {
  if (point < 0x85) return point === 0x20 || (point >= 9 && point <= 13);
  if (point < 0x1680) return point === 0x85 || point === 0xa0;
  return (
    (point >= 0x2000 && point <= 0x200a) ||
    point === 0x1680 ||
    point === 0x2028 ||
    point === 0x2029 ||
    point === 0x202f ||
    point === 0x205f ||
    point === 0x3000
  );
}

/** Whether every unit of `text` is below 128. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
