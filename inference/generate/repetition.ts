/**
 * Finds a loop at the end of a sequence: the same run of tokens again and again, which greedy decoding of small models falls into
 * and never leaves.
 */

/** Longest run that is looked for, in tokens. */
const PERIOD_MAX = 48;
/** A loop is a run that stands at least this often, and covers at least COVER_MIN tokens: "ha ha ha" is not yet one. */
const TIMES_MIN = 4;
const COVER_MIN = 24;

/** Where the first repetition begins (the run once stays), or undefined where the end is no loop. */
export function loopStart(ids: readonly number[]): number | undefined {
  const { length } = ids;
  for (let period = 1; period <= PERIOD_MAX && period * TIMES_MIN <= length; period++) {
    if (ids[length - 1] !== ids[length - 1 - period]) continue;
    const needed = Math.max(period * TIMES_MIN, COVER_MIN);
    if (needed > length) continue;
    let start = length - 1;
    while (start - period >= 0 && ids[start - period] === ids[start]) start--;
    // ids[start..] equals itself moved by one period; the run begins one period earlier.
    if (length - (start - period + 1) >= needed) return start + 1;
  }
  return undefined;
}
