/**
 * What may be sent beyond one attempt a call: a share of the calls of the last 10 s plus a few a second. Retries and hedges
 * draw on the same budget; hedges also on a smaller one of their own. Without it a failing mesh gets its load multiplied
 * just when it can bear least.
 */
import type { Clock } from '../../chassis/clock.js';

const WINDOW_MS = 10_000;
const SLOTS = 20;
const SLOT_MS = WINDOW_MS / SLOTS;

export interface Budget {
  /** A call came in. Times are monotonic milliseconds. */
  deposit(nowMs: number): void;
  /** True and counted where one more may be sent. */
  take(nowMs: number): boolean;
  /** What is left, for tests and status. */
  readonly left: number;
}

export function createBudget(options: { percent: number; perSecond: number; clock: Clock; parent?: Budget }): Budget {
  const { percent, perSecond, clock, parent } = options;
  const calls = new Uint32Array(SLOTS);
  const taken = new Uint32Array(SLOTS);
  let callsTotal = 0;
  let takenTotal = 0;
  let slot = Math.floor(clock.monotonic() / SLOT_MS);

  const turn = (nowMs: number): number => {
    const now = Math.floor(nowMs / SLOT_MS);
    if (now === slot) return now % SLOTS;
    for (let steps = Math.min(now - slot, SLOTS); steps > 0; steps--) {
      const index = (now - steps + 1) % SLOTS;
      callsTotal -= calls[index] as number;
      takenTotal -= taken[index] as number;
      calls[index] = 0;
      taken[index] = 0;
    }
    slot = now;
    return now % SLOTS;
  };
  const left = (nowMs: number): number => {
    turn(nowMs);
    return Math.floor((callsTotal * percent) / 100 + (perSecond * WINDOW_MS) / 1_000) - takenTotal;
  };
  return {
    deposit(nowMs) {
      const index = turn(nowMs);
      calls[index] = (calls[index] as number) + 1;
      callsTotal++;
    },
    take(nowMs) {
      if (left(nowMs) < 1 || (parent && !parent.take(nowMs))) return false;
      const index = turn(nowMs);
      taken[index] = (taken[index] as number) + 1;
      takenTotal++;
      return true;
    },
    get left() {
      return left(clock.monotonic());
    },
  };
}
