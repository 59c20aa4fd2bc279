/** Work on many small things, in slices that leave the thread to others in between. */
import type { Turns } from '../turns.js';

/** A slice ends after this: half a turn. */
const SLICE_MS = 2;

/** Calls `each` with 0 to count - 1, in order. */
export async function inSlices(count: number, turns: Turns, each: (index: number) => void): Promise<void> {
  for (let index = 0; index < count; ) {
    const turn = turns.take();
    if (turn) await turn;
    const startedMs = performance.now();
    do each(index++);
    while (index < count && performance.now() - startedMs < SLICE_MS);
    turns.spent(performance.now() - startedMs);
  }
}
