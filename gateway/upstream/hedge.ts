/**
 * A call that is slower than 95 % of its kind is sent to a second instance too; the first answer wins and the other attempt
 * is cancelled. Costs at most three calls in a hundred by default and takes the worst of the tail away: a pause, a long batch, a stopped
 * process. Only idempotent calls, only to another instance, only within its budget.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { Balance } from './balance.js';
import type { Budget } from './budget.js';
import type { Counters } from './counters.js';
import type { Attempt, Layer, Result } from './flight.js';
import type { Latency } from './latency.js';

export interface HedgeOptions {
  msMin: number;
  /** Of hedges alone; its parent is the budget shared with retries. */
  budget: Budget;
  balance: Balance;
  latency: (method: string) => Latency;
  clock: Clock;
  counters: Counters;
}

/** Answers a method must have given lately before its p95 means anything. */
const SAMPLES_MIN = 20;

export function hedge<R extends Result>(options: HedgeOptions): Layer<R> {
  const { msMin, budget, balance, latency, clock, counters } = options;
  return (next) => (flight) => {
    if (flight.attempts === 0) budget.deposit();
    const nowMs = clock.monotonic();
    const times = latency(flight.call.method);
    if (!flight.call.idempotent || times.count(nowMs) < SAMPLES_MIN) return next(flight);
    const delayMs = Math.max(msMin, times.quantileMs(0.95, nowMs) ?? msMin);
    if (clock.now() + delayMs >= flight.deadlineMs) return next(flight);

    return new Promise<R>((resolve, reject) => {
      let running = 0;
      let over = false;
      const attempts: Attempt[] = [];
      const finish = (winner: Attempt | undefined): void => {
        over = true;
        cancelTimer();
        for (const each of attempts)
          if (each !== winner) each.cancel(new MeshError('CANCELLED', 'another instance answered first'));
      };
      const run = (second: boolean): void => {
        running++;
        const before = flight.latest;
        const flown = next(flight);
        // Set synchronously by the layer below; unchanged where nothing could be sent.
        const mine = flight.latest === before ? undefined : flight.latest;
        if (mine) attempts.push(mine);
        flown.then(
          (result) => {
            if (over) return;
            if (second) counters.hedgesWon++;
            finish(mine);
            resolve(result);
          },
          (error) => {
            running--;
            if (over) return;
            // One of the two failed in a way the other need not: wait for it. An error about the request is final.
            if (running > 0 && !isFinal(toMeshError(error))) return;
            finish(undefined);
            reject(error);
          },
        );
      };
      const cancelTimer = clock.after(delayMs, () => {
        if (flight.ended || !balance.hasOther(flight)) return;
        if (!budget.take()) {
          counters.hedgesOverBudget++;
          return;
        }
        counters.hedges++;
        run(true);
      });
      run(false);
    });
  };
}

function isFinal(error: MeshError): boolean {
  return !error.retryable && error.code !== 'INTERNAL' && error.code !== 'UPSTREAM_INVALID';
}
