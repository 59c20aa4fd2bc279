/** Time as an argument, so that tests never sleep. `systemClock` in production, a virtual one in test/kit. */

export interface Clock {
  /** Milliseconds since the epoch; what deadlines are given in. */
  now(): number;
  /** Milliseconds that never go back; what durations are measured with. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels. A delay beyond 2^31 ms is cut to it. */
  after(delayMs: number, run: () => void): () => void;
}

const TIMER_MAX_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), TIMER_MAX_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
