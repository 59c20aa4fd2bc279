/** How long to wait before the next attempt at a registry: doubling, capped, jittered so that a mesh does not return in step. */

export interface Backoff {
  /** Milliseconds to wait now; each call without a reset doubles the ceiling. */
  next(): number;
  /** After a success. */
  reset(): void;
}

export interface BackoffOptions {
  /** Ceiling of the first wait. */
  firstMs: number;
  /** Ceiling of every wait. */
  maxMs: number;
  /** 0 <= value < 1; Math.random outside tests. */
  random: () => number;
}

/** Each wait lies between half its ceiling and the ceiling. */
export function createBackoff({ firstMs, maxMs, random }: BackoffOptions): Backoff {
  let ceilingMs = firstMs;
  return {
    next() {
      const waitMs = ceilingMs * (0.5 + random() / 2);
      ceilingMs = Math.min(ceilingMs * 2, maxMs);
      return waitMs;
    },
    reset() {
      ceilingMs = firstMs;
    },
  };
}
