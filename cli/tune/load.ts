/**
 * Load on a model, and the highest rate at which it keeps a promise. Open loop: requests come when they are due, whether or not the
 * ones before are answered, and their time counts from when they were due; so a model that falls behind shows it. Knows nothing of
 * models; what a request is, `send` says.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../chassis/clock.js';

export interface LoadStep {
  offeredPerSecond: number;
  /** Answered, over the time to the last answer. */
  requestsPerSecond: number;
  p50Ms: number;
  /** Infinity where requests failed or the load was broken off. */
  p99Ms: number;
  /** Requests that failed. */
  failed: number;
  /** The backlog grew beyond what could keep any promise; the rest was not sent. */
  overloaded: boolean;
}

export interface LoadOptions {
  /** In ms from the start, ascending. */
  dueMs: readonly number[];
  send(index: number, signal: AbortSignal): Promise<unknown>;
  /** Requests under way at which the load is broken off. */
  backlogMax: number;
  clock: Clock;
}

/** Never rejects: requests that fail are counted. */
export async function openLoop({ dueMs, send, backlogMax, clock }: LoadOptions): Promise<LoadStep> {
  const startMs = clock.monotonic();
  const times: number[] = [];
  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // every request under way listens to it
  let failed = 0;
  let underWay = 0;
  let overloaded = false;
  let lastMs = startMs;
  const one = async (index: number): Promise<void> => {
    underWay++;
    try {
      await send(index, abort.signal);
      lastMs = clock.monotonic();
      times.push(lastMs - startMs - (dueMs[index] as number));
    } catch {
      if (!overloaded) failed++;
    }
    underWay--;
  };
  const all: Promise<void>[] = [];
  for (let index = 0; index < dueMs.length && !overloaded; ) {
    const waitMs = startMs + (dueMs[index] as number) - clock.monotonic();
    if (waitMs > 0) {
      await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      continue;
    }
    if (underWay >= backlogMax) overloaded = true;
    else all.push(one(index++));
  }
  if (overloaded) abort.abort(new Error('the load was broken off'));
  await Promise.all(all);
  times.sort((a, b) => a - b);
  const spanMs = Math.max(dueMs[dueMs.length - 1] as number, lastMs - startMs, 1);
  return {
    offeredPerSecond: offered(dueMs),
    requestsPerSecond: (times.length * 1_000) / spanMs,
    p50Ms: quantile(times, 0.5),
    p99Ms: failed > 0 || overloaded ? Number.POSITIVE_INFINITY : quantile(times, 0.99),
    failed,
    overloaded,
  };
}

/** The last request closes a gap that is not there: n requests have n - 1 gaps. */
function offered(dueMs: readonly number[]): number {
  const span = dueMs[dueMs.length - 1] as number;
  return span > 0 ? ((dueMs.length - 1) * 1_000) / span : 0;
}

/** Of ascending numbers; Infinity where there are none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

/** Requests a second that so many callers get, each sending its next request when the last is answered. */
export async function closedLoop(options: {
  callers: number;
  seconds: number;
  send(index: number, signal: AbortSignal): Promise<unknown>;
  clock: Clock;
}): Promise<number> {
  const { callers, seconds, send, clock } = options;
  const startMs = clock.monotonic();
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  let next = 0;
  let done = 0;
  const caller = async (): Promise<void> => {
    while (clock.monotonic() - startMs < seconds * 1_000) {
      await send(next++, signal);
      done++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return (done * 1_000) / Math.max(1, clock.monotonic() - startMs);
}

export interface Sustained {
  /** The highest rate seen, or read off between two, at which p99 stays within the target; 0 where none does. */
  requestsPerSecond: number;
  /** At that rate. */
  p99Ms: number;
  steps: LoadStep[];
}

/**
 * Halves the interval between a rate that keeps p99 within the target and one that does not, starting from what the model can do
 * at all. Between the two nearest rates p99 is taken to rise evenly in its logarithm, so few steps give a fine answer.
 */
export async function sustainedRate(options: {
  capacityPerSecond: number;
  p99TargetMs: number;
  probes: number;
  step(perSecond: number, probe: number): Promise<LoadStep>;
}): Promise<Sustained> {
  const { capacityPerSecond, p99TargetMs, probes, step } = options;
  const steps: LoadStep[] = [];
  let low: LoadStep | undefined;
  let high: LoadStep | undefined;
  let rate = capacityPerSecond * FIRST_SHARE;
  for (let probe = 0; probe < probes; probe++) {
    const seen = await step(rate, probe);
    steps.push(seen);
    if (seen.p99Ms <= p99TargetMs) low = seen;
    else high = seen;
    const ceiling = high?.offeredPerSecond ?? capacityPerSecond * CEILING_SHARE;
    rate = ((low?.offeredPerSecond ?? 0) + ceiling) / 2;
  }
  if (!low) return { requestsPerSecond: 0, p99Ms: Math.min(...steps.map(({ p99Ms }) => p99Ms)), steps };
  if (!high || !Number.isFinite(high.p99Ms) || high.offeredPerSecond <= low.offeredPerSecond) {
    return { requestsPerSecond: low.offeredPerSecond, p99Ms: low.p99Ms, steps };
  }
  const way = Math.log(p99TargetMs / low.p99Ms) / Math.log(high.p99Ms / low.p99Ms);
  const between = low.offeredPerSecond + way * (high.offeredPerSecond - low.offeredPerSecond);
  return { requestsPerSecond: between, p99Ms: p99TargetMs, steps };
}

const FIRST_SHARE = 0.75;
/** A closed loop of few callers batches less well than a backlog does: more than its rate may be possible. */
const CEILING_SHARE = 1.3;
