/** A clock that stands still until the test moves it; timers fire in order of their due time. */
import type { Clock } from '../../chassis/clock.js';

export interface VirtualClock extends Clock {
  /** Moves time on, running every timer that falls due, in order. Lets promises settle between timers. */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

export function createVirtualClock(startMs = 1_700_000_000_000): VirtualClock {
  let nowMs = startMs;
  let order = 0;
  const timers = new Set<{ atMs: number; order: number; run: () => void }>();
  return {
    now: () => nowMs,
    monotonic: () => nowMs - startMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + Math.max(delayMs, 0), order: order++, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (;;) {
        const [next] = [...timers]
          .filter(({ atMs }) => atMs <= untilMs)
          .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
        if (!next) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.run();
        await settle();
      }
      nowMs = untilMs;
      await settle();
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Lets everything that is ready run: promise callbacks and one turn of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
