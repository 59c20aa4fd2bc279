/**
 * A clock whose timers cost next to nothing to set and to cancel. Nearly every timer of the stack is cancelled (deadlines of
 * seconds for calls of milliseconds), and a setTimeout each was a sixth of what a call cost. A timer is a node in the list of
 * the millisecond it is due in (256 of them) or, further away, of the 256 ms it is due in (256 of those, then the clock's own
 * timer); one timer of the clock wakes the wheel for the next list that is not empty (Varghese and Lauck, "Hashed and
 * Hierarchical Timing Wheels"). Timers fire up to 1 ms late, never early.
 */
import type { Clock } from '../../chassis/clock.js';

const SLOTS = 256;
const MASK = SLOTS - 1;
/** Beyond what the far lists hold. */
const FAR_MS = (SLOTS - 1) * SLOTS;

export interface Wheel extends Clock {
  /** Timers set and not yet fired or cancelled. */
  readonly pending: number;
  /** Forgets all timers. */
  close(): void;
}

class Timer {
  previous: Timer = this;
  next: Timer = this;

  /** Millisecond of the clock it is due in. */
  readonly tick: number;
  readonly run: () => void;

  constructor(tick: number, run: () => void) {
    this.tick = tick;
    this.run = run;
  }

  append(timer: Timer): void {
    timer.previous = this.previous;
    timer.next = this;
    this.previous.next = timer;
    this.previous = timer;
  }

  /** False where it is in no list. */
  leave(): boolean {
    if (this.next === this) return false;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
    return true;
  }
}

/** Not by shifting: after 49 days milliseconds are more than 32 bits. */
const blockOf = (tick: number): number => Math.floor(tick / SLOTS);
const nothing = (): void => {};
const lists = (): Timer[] => Array.from({ length: SLOTS }, () => new Timer(0, nothing));

export function createWheel(clock: Clock): Wheel {
  const near = lists();
  const far = lists();
  /** Set by the clock itself, because they are too far away. */
  const distant = new Set<() => void>();
  let pending = 0;
  /** The last millisecond whose timers have run. */
  let current = Math.floor(clock.monotonic());
  /** When the clock wakes the wheel; Infinity where it does not. */
  let wakeTick = Number.POSITIVE_INFINITY;
  let cancelWake = nothing;

  const place = (timer: Timer): void => {
    const list = timer.tick - current < SLOTS ? near[timer.tick & MASK] : far[blockOf(timer.tick) & MASK];
    (list as Timer).append(timer);
  };
  const wakeAt = (tick: number): void => {
    cancelWake();
    wakeTick = tick;
    cancelWake = clock.after(tick - clock.monotonic(), turn);
  };
  const isEmpty = (list: Timer | undefined): boolean => list?.next === list;
  /** The next millisecond in which there is something to do. */
  const nextTick = (): number => {
    for (let tick = current + 1; tick <= current + SLOTS; tick++) {
      if (!isEmpty(near[tick & MASK])) return tick;
      if ((tick & MASK) === 0 && !isEmpty(far[blockOf(tick) & MASK])) return tick;
    }
    const block = blockOf(current);
    for (let each = block + 1; each <= block + SLOTS; each++) if (!isEmpty(far[each & MASK])) return each * SLOTS;
    return Number.POSITIVE_INFINITY;
  };
  const turn = (): void => {
    wakeTick = Number.POSITIVE_INFINITY;
    const now = Math.floor(clock.monotonic());
    while (current < now && pending > 0) {
      current++;
      if ((current & MASK) === 0) {
        const list = far[blockOf(current) & MASK] as Timer;
        for (let timer = list.next; timer !== list; timer = list.next) {
          timer.leave();
          place(timer);
        }
      }
      const list = near[current & MASK] as Timer;
      for (let timer = list.next; timer !== list; timer = list.next) {
        timer.leave();
        pending--;
        timer.run();
      }
    }
    current = Math.max(current, now);
    if (pending > 0) {
      const tick = nextTick();
      if (tick < wakeTick) wakeAt(tick);
    }
  };

  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(delayMs, run) {
      const nowMs = clock.monotonic();
      if (pending === 0) current = Math.max(current, Math.floor(nowMs));
      const tick = Math.max(Math.ceil(nowMs + delayMs), current + 1);
      if (tick - current > FAR_MS) return afterLong(delayMs, run);
      const timer = new Timer(tick, run);
      place(timer);
      pending++;
      if (tick < wakeTick) wakeAt(tick);
      return () => {
        if (timer.leave()) pending--;
      };
    },
    get pending() {
      return pending + distant.size;
    },
    close() {
      cancelWake();
      for (const list of [...near, ...far]) while (list.next !== list) list.next.leave();
      pending = 0;
      for (const cancel of distant) cancel();
      distant.clear();
    },
  };

  function afterLong(delayMs: number, run: () => void): () => void {
    const cancel = clock.after(delayMs, () => {
      distant.delete(cancel);
      run();
    });
    distant.add(cancel);
    return () => {
      distant.delete(cancel);
      cancel();
    };
  }
}
