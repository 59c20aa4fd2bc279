/**
 * Open-loop load: calls start when they are due, whatever became of those before, and are timed from when they were due. So a
 * stall shows in the times instead of slowing the load down.
 */

export interface Sample {
  /** Milliseconds from the start of the load at which the call was due. */
  dueMs: number;
  /** From due to done. */
  ms: number;
  /** Of that, what passed before the generator got to it: this process was held up. */
  lateMs?: number;
  /** Who answered; undefined where the call failed. */
  instance: string | undefined;
  /** Code of the error; undefined where the call was answered. */
  code: string | undefined;
  /** What the error says, where there was one. */
  message?: string;
}

export interface Load {
  /** Resolves with every sample, once the last call has ended. */
  readonly done: Promise<readonly Sample[]>;
  /** Milliseconds since the start. */
  readonly nowMs: number;
  /** Changes calls per second from now on. */
  rate(perSecond: number): void;
  stop(): void;
}

/** Calls in flight beyond which the generator itself gives up: a test that lost control should say so. */
const IN_FLIGHT_MAX = 50_000;

/** `call` resolves with the id of the instance that answered. */
export function openLoop(call: () => Promise<string>, options: { perSecond: number; seconds: number }): Load {
  let { perSecond } = options;
  const startedMs = performance.now();
  const samples: Sample[] = [];
  let inFlight = 0;
  let dueMs = 0;
  let stopped = false;
  let finish!: (samples: readonly Sample[]) => void;
  const done = new Promise<readonly Sample[]>((resolve) => {
    finish = resolve;
  });
  const one = async (due: number): Promise<void> => {
    inFlight++;
    const lateMs = performance.now() - startedMs - due;
    let instance: string | undefined;
    let code: string | undefined;
    let message: string | undefined;
    try {
      instance = await call();
    } catch (error) {
      code = (error as { code?: string }).code ?? String(error);
      message = (error as Error).message;
    }
    samples.push({
      dueMs: due,
      ms: performance.now() - startedMs - due,
      lateMs,
      instance,
      code,
      ...(message && { message }),
    });
    inFlight--;
    if (stopped && inFlight === 0) finish(samples);
  };
  const timer = setInterval(() => {
    const nowMs = performance.now() - startedMs;
    while (!stopped && dueMs <= nowMs) {
      if (dueMs >= options.seconds * 1_000 || inFlight >= IN_FLIGHT_MAX) stop();
      else void one(dueMs);
      dueMs += 1_000 / perSecond;
    }
  }, 2);
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    if (inFlight === 0) finish(samples);
  };
  return {
    done,
    get nowMs() {
      return performance.now() - startedMs;
    },
    rate(changed) {
      perSecond = changed;
      dueMs = Math.max(dueMs, performance.now() - startedMs);
    },
    stop,
  };
}

export const between = (samples: readonly Sample[], fromMs: number, toMs: number): Sample[] =>
  samples.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs);

/** Those that ended then: what a capability gets done in a second is what it finished in it. */
export const endedBetween = (samples: readonly Sample[], fromMs: number, toMs: number): Sample[] =>
  samples.filter(({ dueMs, ms }) => dueMs + ms >= fromMs && dueMs + ms < toMs);

export const lost = (samples: readonly Sample[]): Sample[] => samples.filter(({ code }) => code !== undefined);

/** The quantile of the times of answered calls; NaN where none was. */
export function quantileMs(samples: readonly Sample[], quantile: number): number {
  const times = samples
    .filter(({ code }) => code === undefined)
    .map(({ ms }) => ms)
    .sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * quantile))] ?? Number.NaN;
}

/** How many of each code: "OK 120, OVERLOADED 3". */
export function outcomes(samples: readonly Sample[]): string {
  const counts = new Map<string, number>();
  for (const { code = 'OK' } of samples) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts].map(([code, count]) => `${code} ${count}`).join(', ');
}
