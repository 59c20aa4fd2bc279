/**
 * Sends an idempotent call again where the first was refused or lost, to another instance, within a budget and never past the
 * deadline. Waits with full jitter; an instance that said when to come back (pushback) is left alone until then. A call
 * that found no instance in rotation waits a moment for one, which costs nobody anything. Calls of an instance that stopped
 * answering are moved: as many as the budget can send again, since one that is merely held up still answers the others. A call
 * that repeats another on its trail (call.ts) is a retry or a hedge of somebody above: it draws on the same budget.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import type { Balance } from './balance.js';
import type { Budget } from './budget.js';
import type { Counters } from './counters.js';
import type { Attempt, Dependant, Done, Flight, Layer, Result, Send } from './flight.js';
import { Refusal } from './refusal.js';

export interface RetryOptions {
  attemptsMax: number;
  budget: Budget;
  balance: Balance;
  clock: Clock;
  random: () => number;
  counters: Counters;
}

export interface Retry {
  layer<R extends Result>(): Layer<R>;
  /**
   * Cuts attempts with `reason`, those with the least time left first, so that their calls are sent again: a part of what the
   * budget has left, since whoever asks will ask again. Leaves alone what cannot be sent again and what has another attempt
   * under way.
   */
  move(attempts: readonly Attempt[], reason: MeshError): void;
}

const BACKOFF_MS = 25;
const BACKOFF_MS_MAX = 400;
/**
 * Share of the budget that moves at once, and the calls that do at least. All at once, a machine that is merely slow would get
 * hundreds of calls to cancel and as many new ones in the very moment it cannot keep up, and its neighbour be silent next.
 */
const MOVED_SHARE = 0.1;
const MOVED_MIN = 4;
/** How long and how often a call waits for an instance to come into rotation. */
const ABSENCE_MS = 50;
const ABSENCES_MAX = 10;

export function createRetry(options: RetryOptions): Retry {
  const { attemptsMax, budget, balance, clock, random, counters } = options;
  const mayAgain = ({ call, round, poisonous }: Flight): boolean =>
    call.idempotent && round > 0 && round < attemptsMax && !poisonous;
  const pay = (flight: Flight): boolean => {
    if (!budget.take(flight.nowMs)) {
      counters.retriesOverBudget++;
      return false;
    }
    counters.retries++;
    return true;
  };
  /** Milliseconds until it is sent again; undefined where it is not. Takes from the budget. */
  const delayOf = (error: MeshError, flight: Flight): number | undefined => {
    if (!mayAgain(flight) || !worthRetrying(error)) return undefined;
    const delayMs = Math.max(random() * backoffMs(flight.round), balance.restMs(flight));
    if (!fits(delayMs, flight)) return undefined;
    const { paid } = flight;
    flight.paid = false;
    return paid || pay(flight) ? delayMs : undefined;
  };
  const isMovable = (flight: Flight): boolean =>
    mayAgain(flight) &&
    flight.running === 1 &&
    !flight.ended &&
    balance.canAnswer(flight) &&
    fits(Math.max(backoffMs(flight.round), balance.restMs(flight)), flight);

  return {
    layer:
      <R extends Result>() =>
      (next: Send<R>) =>
      (flight: Flight, done: Done<R>) => {
        const { trail } = flight.call;
        if (trail?.begun) {
          if (trail.poisonous) return done(poisoned(flight), undefined);
          if (!pay(flight)) return done(spent(flight), undefined);
        } else {
          budget.deposit(flight.nowMs);
          if (trail) trail.begun = true;
        }
        flight.round = 1;
        let absences = 0;
        const ended: Done<R> = (error, result) => {
          if (trail) trail.poisonous ||= flight.poisonous;
          if (!error || flight.ended || flight.settled) return over(error, result);
          let delayMs: number | undefined;
          if (error instanceof Refusal && error.soon) {
            // Nothing was sent.
            if (++absences <= ABSENCES_MAX && fits(ABSENCE_MS, flight)) delayMs = ABSENCE_MS;
          } else {
            delayMs = delayOf(error, flight);
            flight.round++;
          }
          if (delayMs === undefined) return over(error, undefined);
          pause(
            delayMs,
            flight,
            clock,
            () => next(flight, ended),
            (reason) => over(reason, undefined),
          );
        };
        const over: Done<R> = (error, result) => {
          flight.round = 0;
          done(error, result);
        };
        next(flight, ended);
      },
    move(attempts, reason) {
      const nowMs = clock.monotonic();
      for (const { flight } of attempts) flight.nowMs = nowMs;
      const movable = attempts.filter(({ flight }) => isMovable(flight));
      // Who has more time may outlast a pause.
      movable.sort((a, b) => a.flight.dueMs - b.flight.dueMs);
      for (const attempt of movable.slice(0, Math.max(MOVED_MIN, budget.left * MOVED_SHARE))) {
        if (!pay(attempt.flight)) return;
        attempt.flight.paid = true;
        attempt.cancel(reason);
      }
    },
  };
}

/** The longest pause after a round. */
function backoffMs(round: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (round - 1));
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
