/**
 * Trying again: exponential back-off with full jitter (a random part of the whole delay, so that many pulls that broke together
 * do not come back together), and the server's own Retry-After where it gives one.
 */
import { type Clock, sleep } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';

export interface RetryOptions {
  clock: Clock;
  /** 0 <= x < 1. */
  random(): number;
  /** Tries in a row without progress. */
  triesMax: number;
  signal: AbortSignal | undefined;
  onRetry(why: string, delayMs: number): void;
}

const BASE_MS = 500;
const CEILING_MS = 30_000;
/** A server that wants more patience than this gets its answer back as an error. */
export const RETRY_AFTER_MAX_MS = 300_000;
/** Tries in all, however much progress each made. */
const TRIES_TOTAL_MAX = 1_000;

/** Runs `attempt` until it succeeds, fails for good, or made no progress `triesMax` times in a row. */
export async function withRetries<T>(attempt: (progress: () => void) => Promise<T>, options: RetryOptions): Promise<T> {
  let failures = 0;
  for (let total = 1; ; total++) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'PULL_UNAVAILABLE') throw error;
      const wanted = error.retryAfterMs;
      if (++failures >= options.triesMax || total >= TRIES_TOTAL_MAX || (wanted ?? 0) > RETRY_AFTER_MAX_MS) throw error;
      const jittered = options.random() * Math.min(CEILING_MS, BASE_MS * 2 ** (failures - 1));
      const delayMs = Math.round(wanted === undefined ? jittered : wanted + jittered / 4);
      options.onRetry(error.message, delayMs);
      await sleep(options.clock, delayMs, options.signal);
    }
  }
}

/** Milliseconds of a Retry-After header (seconds or a date), or of the hub's RateLimit header ("...;t=<seconds>"). */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const after = headers.get('retry-after');
  if (after !== null) {
    if (/^\d{1,9}$/.test(after.trim())) return Number(after) * 1_000;
    const date = Date.parse(after);
    if (!Number.isNaN(date)) return Math.max(0, date - nowMs);
  }
  const reset = /;\s*t=(\d{1,9})/.exec(headers.get('ratelimit') ?? '')?.[1];
  return reset === undefined ? undefined : Number(reset) * 1_000;
}
