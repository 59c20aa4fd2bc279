/**
 * A call that is slower than 95 % of its kind is sent to a second instance too; the first answer wins and the other attempt
 * is cancelled. Costs at most three calls in a hundred by default and takes the worst of the tail away: a pause, a long batch, a stopped
 * process. Only idempotent calls, only to another instance, only within its budget.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import type { Balance } from './balance.js';
import type { Budget } from './budget.js';
import type { Counters } from './counters.js';
import type { Attempt, Done, Flight, Layer, Result, Send } from './flight.js';
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

export function hedge<R extends Result>(parts: HedgeOptions): Layer<R> {
  const { msMin, budget, latency } = parts;
  return (next) => (flight, done) => {
    const { nowMs } = flight;
    if (flight.tried.length === 0) budget.deposit(nowMs);
    const times = latency(flight.call.method);
    if (!flight.call.idempotent || times.count(nowMs) < SAMPLES_MIN) return next(flight, done);
    const delayMs = Math.max(msMin, times.quantileMs(0.95, nowMs) ?? msMin);
    if (nowMs + delayMs >= flight.dueMs) return next(flight, done);

    new Race(flight, next, done, parts).start(delayMs);
  };
}

/** A call and, once it has taken too long, its second sending. */
class Race<R extends Result> {
  readonly #flight: Flight;
  readonly #next: Send<R>;
  readonly #done: Done<R>;
  readonly #parts: HedgeOptions;
  #running = 0;
  #over = false;
  #first: Attempt | undefined;
  #second: Attempt | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(flight: Flight, next: Send<R>, done: Done<R>, parts: HedgeOptions) {
    this.#flight = flight;
    this.#next = next;
    this.#done = done;
    this.#parts = parts;
  }

  start(delayMs: number): void {
    this.#run(false);
    if (!this.#over) this.#cancelTimer = this.#parts.clock.after(delayMs, () => this.#again());
  }

  #again(): void {
    const { balance, budget, clock, counters } = this.#parts;
    const flight = this.#flight;
    if (flight.ended || !balance.hasOther(flight)) return;
    flight.nowMs = clock.monotonic();
    if (!budget.take(flight.nowMs)) {
      counters.hedgesOverBudget++;
      return;
    }
    counters.hedges++;
    this.#run(true);
  }

  #run(second: boolean): void {
    const flight = this.#flight;
    const before = flight.latest;
    this.#running++;
    this.#next(flight, (error, result) => this.#ended(second, error, result));
    // Set by the layer below; unchanged where nothing could be sent.
    const attempt = flight.latest === before ? undefined : flight.latest;
    if (second) this.#second = attempt;
    else this.#first = attempt;
  }

  #ended(second: boolean, error: MeshError | undefined, result: R | undefined): void {
    this.#running--;
    if (this.#over) return;
    // One of the two failed in a way the other need not: wait for it. An error about the request is final.
    if (error && this.#running > 0 && !isFinal(error)) return;
    this.#over = true;
    this.#cancelTimer?.();
    if (!error && second) this.#parts.counters.hedgesWon++;
    if (this.#second) {
      const loser = new MeshError('CANCELLED', 'another instance answered first');
      if (error || second) this.#first?.cancel(loser);
      if (error || !second) this.#second.cancel(loser);
    }
    this.#done(error, result);
  }
}

function isFinal(error: MeshError): boolean {
  return !error.retryable && error.code !== 'INTERNAL' && error.code !== 'UPSTREAM_INVALID';
}
