/**
 * Sends an idempotent call again where the first was refused or lost, to another instance, within a budget and never past the
 * deadline. Waits with full jitter; an instance that said when to come back (pushback) is left alone until then. A call
 * that found no instance in rotation waits a moment for one, which costs nobody anything. A call that repeats another on its
 * trail (call.ts) is a retry or a hedge of somebody above: it draws on the same budget.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import type { Balance } from './balance.js';
import type { Budget } from './budget.js';
import type { Counters } from './counters.js';
import type { Dependant, Done, Flight, Layer, Result } from './flight.js';
import { Refusal } from './refusal.js';

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
  /** Milliseconds until it is sent again; undefined where it is not. Takes from the budget. */
  const delayOf = (error: MeshError, flight: Flight, round: number): number | undefined => {
    if (!flight.call.idempotent || round >= attemptsMax || !worthRetrying(error) || flight.poisonous) return undefined;
    const jitterMs = random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (round - 1));
    const delayMs = Math.max(jitterMs, balance.restMs(flight));
    if (!fits(delayMs, flight)) return undefined;
    if (!budget.take(flight.nowMs)) {
      counters.retriesOverBudget++;
      return undefined;
    }
    counters.retries++;
    return delayMs;
  };
  return (next) => (flight, done) => {
    const { trail } = flight.call;
    if (trail?.begun) {
      if (trail.poisonous) return done(poisoned(flight), undefined);
      if (!budget.take(flight.nowMs)) {
        counters.retriesOverBudget++;
        return done(spent(flight), undefined);
      }
      counters.retries++;
    } else {
      budget.deposit(flight.nowMs);
      if (trail) trail.begun = true;
    }
    let round = 1;
    let absences = 0;
    const ended: Done<R> = (error, result) => {
      if (trail) trail.poisonous ||= flight.poisonous;
      if (!error || flight.ended || flight.settled) return done(error, result);
      let delayMs: number | undefined;
      if (error instanceof Refusal && error.soon) {
        // Nothing was sent.
        if (++absences <= ABSENCES_MAX && fits(ABSENCE_MS, flight)) delayMs = ABSENCE_MS;
      } else {
        delayMs = delayOf(error, flight, round);
        round++;
      }
      if (delayMs === undefined) return done(error, undefined);
      pause(
        delayMs,
        flight,
        clock,
        () => next(flight, ended),
        (reason) => done(reason, undefined),
      );
    };
    next(flight, ended);
  };
}

/** Refused or lost, by an instance: the stack's own refusals would only be repeated. */
function worthRetrying(error: MeshError): boolean {
  return error.retryable && !(error instanceof Refusal);
}

function spent({ call }: Flight): MeshError {
  const text = `${call.capability} has been sent its share of repeated calls; try again later`;
  return new Refusal('retry', 'OVERLOADED', text, { retryAfterMs: BACKOFF_MS_MAX });
}

function poisoned({ call }: Flight): MeshError {
  return new MeshError('INPUT_QUARANTINED', `this request has failed inside two instances of ${call.capability}`, {
    facts: { layer: 'retry' },
  });
}

function fits(delayMs: number, flight: Flight): boolean {
  return flight.nowMs + delayMs + 1 < flight.dueMs;
}

function pause(
  delayMs: number,
  flight: Flight,
  clock: Clock,
  over: () => void,
  ended: (reason: MeshError) => void,
): void {
  const dependant: Dependant = {
    cancel(reason) {
      stop();
      ended(reason);
    },
  };
  const stop = clock.after(delayMs, () => {
    flight.detach(dependant);
    flight.nowMs = clock.monotonic();
    over();
  });
  flight.attach(dependant);
}
