// Which characters UnicodeScripts takes for one script: numbered groups, -1 for what belongs to none.
import { unpackRanges } from './unicode/points.js';
import { SCRIPT } from './unicode/tables.js';

interface ScriptTable {
  /** Sorted starts of ranges, their ends, and the group of each. */
  low: number[];
  high: number[];
  group: number[];
}

let table: ScriptTable | undefined;

function load(): ScriptTable {
  const all: { low: number; high: number; group: number }[] = [];
  SCRIPT.split('|').forEach((packed, group) => {
    const ranges = unpackRanges(packed);
    for (let i = 0; i < ranges.length; i += 2)
      all.push({ low: ranges[i] as number, high: ranges[i + 1] as number, group });
  });
  all.sort((a, b) => a.low - b.low);
  return { low: all.map((r) => r.low), high: all.map((r) => r.high), group: all.map((r) => r.group) };
}

/** The number of the script of `point`, or -1. */
export function scriptOf(point: number): number {
  table ??= load();
  let from = 0;
  let to = table.low.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((table.high[middle] as number) <= point) from = middle + 1;
    else to = middle;
  }
  return from < table.low.length && (table.low[from] as number) <= point ? (table.group[from] as number) : -1;
}
