/**
 * Client-side adaptive throttling (Google SRE, "Handling Overload"): while instances refuse more than their share, the
 * gateway refuses a part itself, with probability (calls - K * accepted) / (calls + 1). The counts fade with a time constant
 * of 250 ms rather than the book's two minutes, so that the calls are let through again within a second of the end of it.
 */
import type { Clock } from '../../chassis/clock.js';
import { criticality } from './call.js';
import type { Counters } from './counters.js';
import type { Layer, Result } from './flight.js';
import { isOverload } from './outcome.js';
import { Refusal } from './refusal.js';

const FADE_MS = 250;
/** The counts fade in steps of this: an exponential a call would be a tenth of this layer for nothing. */
const FADE_STEP_MS = 1;
/** At most this share is refused: the rest finds out when it is over. Doubling from a fifth takes half a second. */
const REFUSAL_MAX = 0.8;
/** Faded calls below which nothing is refused: too few to judge by. */
const CALLS_MIN = 5;

export interface Throttle {
  layer<R extends Result>(counters: Counters): Layer<R>;
  /** Probability of refusing a default call now. */
  readonly refusal: number;
}

/** `percent`: K of the formula, in percent. */
export function createThrottle(options: { percent: number; clock: Clock; random: () => number }): Throttle {
  const { percent, clock, random } = options;
  let calls = 0;
  let accepted = 0;
  let atMs = clock.monotonic();

  const fade = (nowMs: number): void => {
    if (nowMs - atMs < FADE_STEP_MS) return;
    const keep = Math.exp((atMs - nowMs) / FADE_MS);
    calls *= keep;
    accepted *= keep;
    atMs = nowMs;
  };
  const count = (taken: boolean, nowMs: number): void => {
    fade(nowMs);
    calls++;
    if (taken) accepted++;
  };
  const refusal = (k: number, nowMs: number): number => {
    fade(nowMs);
    return calls < CALLS_MIN ? 0 : Math.min(REFUSAL_MAX, Math.max(0, (calls - k * accepted) / (calls + 1)));
  };

  return {
    layer: (counters) => (next) => (flight, done) => {
      const class_ = criticality(flight.call);
      // The book's K per class: what matters less is given up earlier.
      const k = (percent / 100) * (class_ === 'critical' ? 2 : class_ === 'sheddable' ? 0.6 : 1);
      const chance = refusal(k, flight.nowMs);
      if (chance > 0 && random() < chance) {
        calls++;
        counters.throttled++;
        done(
          new Refusal(
            'throttle',
            'OVERLOADED',
            `${flight.call.capability} is refusing more calls than it takes; try again later`,
            { retryAfterMs: 500 },
          ),
          undefined,
        );
        return;
      }
      next(flight, (error, result) => {
        // Counted when the call ends: one in flight is neither accepted nor refused yet. Only refusals of instances are counted
        // against them: a full bulkhead is the gateway's own, other errors are the breakers'.
        count(!isOverload(error) || error instanceof Refusal, flight.nowMs);
        done(error, result);
      });
    },
    get refusal() {
      return refusal(percent / 100, clock.monotonic());
    },
  };
}
