/**
 * Sends an idempotent call again where the first was refused or lost, to another instance, within a budget and never past the
 * deadline. Waits with full jitter; an instance that said when to come back (pushback) is left alone until then. A call
 * that found no instance in rotation waits a moment for one, which costs nobody anything.
 */
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { Balance } from './balance.js';
import type { Budget } from './budget.js';
import type { Counters } from './counters.js';
import type { Flight, Layer, Result } from './flight.js';

export interface RetryOptions {
  attemptsMax: number;
  budget: Budget;
  balance: Balance;
  clock: Clock;
  random: () => number;
  counters: Counters;
}

const BACKOFF_MS = 25;
const BACKOFF_MS_MAX = 400;
/** How long and how often a call waits for an instance to come into rotation. */
const ABSENCE_MS = 50;
const ABSENCES_MAX = 10;

export function retry<R extends Result>(options: RetryOptions): Layer<R> {
  const { attemptsMax, budget, balance, clock, random, counters } = options;
  return (next) => async (flight) => {
    budget.deposit();
    let absences = 0;
    for (let round = 1; ; round++) {
      try {
        return await next(flight);
      } catch (thrown) {
        const error = toMeshError(thrown);
        if (flight.ended || flight.settled) throw error;
        let delayMs: number;
        if (error.code === 'NO_INSTANCE' && error.facts.soon === 'true') {
          if (++absences > ABSENCES_MAX) throw error;
          round--; // nothing was sent
          delayMs = ABSENCE_MS;
          if (!fits(delayMs, flight, clock)) throw error;
        } else {
          if (!flight.call.idempotent || round >= attemptsMax || !worthRetrying(error)) throw error;
          delayMs = Math.max(
            random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (round - 1)),
            balance.restMs(flight),
          );
          if (!fits(delayMs, flight, clock)) throw error;
          if (!budget.take()) {
            counters.retriesOverBudget++;
            throw error;
          }
          counters.retries++;
        }
        await pause(delayMs, flight, clock);
      }
    }
  };
}

/** Refused or lost, by an instance: the stack's own refusals would only be repeated. */
function worthRetrying(error: MeshError): boolean {
  return error.retryable && error.facts.layer === undefined;
}

function fits(delayMs: number, flight: Flight, clock: Clock): boolean {
  return clock.now() + delayMs + 1 < flight.deadlineMs;
}

function pause(delayMs: number, flight: Flight, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(delayMs, () => {
      stop();
      resolve();
    });
    const stop = flight.onEnd((reason) => {
      cancel();
      reject(reason);
    });
  });
}
