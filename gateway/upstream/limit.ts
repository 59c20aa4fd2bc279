/**
 * How many calls a capability may have in flight, found out while it runs. Refusals of instances lower it, down to 1. So does
 * waiting: where the limit is used up and calls take over three times as long as in the best of times, the difference is time
 * in the queues of the instances, where a call holds memory and cannot be moved; but never below four for each instance, since
 * model calls also take longer because they are larger. It rises while it is used and calls are quick.
 * A missed deadline counts as the time it took, and only where that was long: a caller who gives 5 ms says nothing about the load.
 */
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import { isOverload } from './outcome.js';

/** Share of refusals from which the limit goes down: below it one instance of several is full, not all. */
const REFUSED_SHARE = 0.1;
/** Weight of one call in that share: it looks back about 20 calls. */
const REFUSED_WEIGHT = 0.05;
const DECREASE = 0.75;
/** Averages over fewer calls say nothing. */
const WINDOW_CALLS = 20;
const WINDOW_MS = 200;
/** Times the best average: above it the limit falls, below it rises. */
const SLOW = 3;
const QUICK = 2;
/**
 * The best of times doubles in this while, so that a change of work is learned in minutes however few calls there are. By time,
 * not by windows: at two seconds a call a window takes many, and an hour would pass before they are taken for usual.
 */
const DOUBLES_MS = 28_000;
/** A longer window is one of few calls, which teach no more than this. */
const FORGET_MS_MAX = 10_000;
const PER_INSTANCE_MIN = 4;
/** Where it begins, doubling while calls stay quick: a first rush fills the instances no further than they can bear. */
const START = 32;

export interface Limit {
  readonly value: number;
  /**
   * A call was answered; `inFlight` counts it, `startedMs` and `nowMs` (monotonic) are when it got its place and when it was
   * answered. `timed` is false where the time between them says nothing; a refusal counts all the same.
   */
  observe(error: MeshError | undefined, inFlight: number, startedMs: number, nowMs: number, timed?: boolean): void;
}

export interface LimitOptions {
  max: number;
  adaptive: boolean;
  /** Instances in rotation. */
  instances: () => number;
  clock: Clock;
  /** It went down. */
  onLower?: () => void;
}

export function createLimit({ max, adaptive, instances, clock, onLower }: LimitOptions): Limit {
  let limit = adaptive ? Math.min(max, START) : max;
  /** Until the first decrease. */
  let starting = true;
  let refused = 0;
  let changedMs = Number.NEGATIVE_INFINITY;
  let bestMs = Number.POSITIVE_INFINITY;
  let window = { sinceMs: clock.monotonic(), calls: 0, sumMs: 0, full: false };

  const lower = (floor: number, inFlight: number, nowMs: number): void => {
    changedMs = nowMs;
    onLower?.();
    starting = false;
    // From what was in use, so that a limit far above it takes effect with the first decrease.
    limit = Math.max(floor, Math.min(limit, inFlight) * DECREASE);
  };
  const closeWindow = (nowMs: number, inFlight: number): void => {
    const averageMs = window.sumMs / window.calls;
    const { full } = window;
    const passedMs = Math.min(nowMs - window.sinceMs, FORGET_MS_MAX);
    window = { sinceMs: nowMs, calls: 0, sumMs: 0, full: false };
    bestMs = Math.min(bestMs * 2 ** (passedMs / DOUBLES_MS), averageMs);
    if (!full) return;
    if (averageMs > bestMs * SLOW) {
      const floor = Math.min(max, PER_INSTANCE_MIN * Math.max(1, instances()));
      if (limit > floor) lower(floor, inFlight, nowMs);
    } else if (averageMs < bestMs * QUICK) limit = Math.min(max, limit + Math.max(1, starting ? limit : limit * 0.1));
  };

  return {
    get value() {
      return Math.max(1, Math.floor(limit));
    },
    observe(error, inFlight, startedMs, nowMs, timed = true) {
      if (!adaptive) return;
      refused += ((isOverload(error) ? 1 : 0) - refused) * REFUSED_WEIGHT;
      if (startedMs < changedMs) return; // it tells of the limit as it was
      if (isOverload(error)) {
        if (refused >= REFUSED_SHARE) lower(1, inFlight, nowMs);
      } else if (!timed) return;
      else if (!error || (error.code === 'DEADLINE_EXCEEDED' && nowMs - startedMs > bestMs * SLOW)) {
        window.calls++;
        window.sumMs += nowMs - startedMs;
        window.full ||= inFlight >= Math.floor(limit);
        if (window.calls >= WINDOW_CALLS && nowMs - window.sinceMs >= WINDOW_MS) closeWindow(nowMs, inFlight);
      }
    },
  };
}
