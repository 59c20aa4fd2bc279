/**
 * Cancels calls of an instance a few at a time. A cancelled call costs a server as much as an answered one, so thousands of
 * callers who leave together would stop it for as long as thousands of answers take, with everybody else's calls and its own
 * health. Their callers have been told already; the calls stay in flight until it is their turn.
 */
import type { Clock } from '../../chassis/clock.js';

/** So many at once, and again every so often: 2,000 a second. */
const AT_ONCE = 50;
const EVERY_MS = 25;

export interface Cuts {
  /** Runs `cut` now or when it is its turn. */
  add(cut: () => void): void;
  /** Runs all that wait. */
  flush(): void;
  readonly waiting: number;
}

export function createCuts(clock: Clock): Cuts {
  let queue: (() => void)[] = []; // bounded by the calls in flight
  let left = AT_ONCE;
  let sinceMs = Number.NEGATIVE_INFINITY;
  let cancelTimer: (() => void) | undefined;

  const tick = (): void => {
    cancelTimer = undefined;
    sinceMs = clock.monotonic();
    const due = queue.slice(0, AT_ONCE);
    queue = queue.slice(AT_ONCE);
    left = AT_ONCE - due.length;
    if (queue.length > 0) cancelTimer = clock.after(EVERY_MS, tick);
    for (const cut of due) cut();
  };
  return {
    add(cut) {
      if (queue.length > 0) {
        queue.push(cut);
        return;
      }
      const nowMs = clock.monotonic();
      if (nowMs - sinceMs >= EVERY_MS) {
        sinceMs = nowMs;
        left = AT_ONCE;
      }
      if (left > 0) {
        left--;
        cut();
        return;
      }
      queue.push(cut);
      cancelTimer = clock.after(sinceMs + EVERY_MS - nowMs, tick);
    },
    flush() {
      cancelTimer?.();
      cancelTimer = undefined;
      for (const cut of queue.splice(0)) cut();
    },
    get waiting() {
      return queue.length;
    },
  };
}
