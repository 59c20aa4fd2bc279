/**
 * How many calls a capability may have in flight: additive increase while the limit is used and all is well, multiplicative
 * decrease when an instance refuses or a deadline is missed, at most once in 100 ms. Goes down to 1. Relies on nothing but
 * outcomes: latency of model calls varies with their size and says little.
 */
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import { isOverload } from './outcome.js';

const DECREASE = 0.85;
const DECREASE_EVERY_MS = 100;

export interface Limit {
  readonly value: number;
  /** A call ended; `inFlight` counts it. */
  observe(error: MeshError | undefined, inFlight: number): void;
}

export function createLimit(options: { max: number; adaptive: boolean; clock: Clock }): Limit {
  const { max, adaptive, clock } = options;
  let limit = max;
  let decreasedMs = Number.NEGATIVE_INFINITY;
  return {
    get value() {
      return Math.max(1, Math.floor(limit));
    },
    observe(error, inFlight) {
      if (!adaptive) return;
      if (isOverload(error) || error?.code === 'DEADLINE_EXCEEDED') {
        const nowMs = clock.monotonic();
        if (nowMs - decreasedMs < DECREASE_EVERY_MS) return;
        decreasedMs = nowMs;
        // From what was in use, so that a limit far above it takes effect with the first decrease.
        limit = Math.max(1, Math.min(limit, inFlight) * DECREASE);
      } else if (!error && inFlight >= limit * 0.8) {
        limit = Math.min(max, limit + 1 / Math.sqrt(limit)); // sqrt: back from 10 to 256 in about 2,700 answers, from 1 to 10 in 20
      }
    },
  };
}
