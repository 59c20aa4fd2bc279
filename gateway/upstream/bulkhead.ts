/**
 * A bulkhead per capability: bounded calls in flight, a bounded queue for a place, a bounded wait. A call that cannot get its
 * place in time is refused at once, by the wait that the queue predicts, not after having waited. Critical calls wait in
 * front, sheddable ones do not wait at all.
 */
import type { Clock } from '../../chassis/clock.js';
import type { MeshError } from '../../chassis/errors.js';
import { criticality } from './call.js';
import type { Counters } from './counters.js';
import type { Dependant, Done, Flight, Layer, Result, Send } from './flight.js';
import { createLimit } from './limit.js';
import { Refusal } from './refusal.js';

export interface BulkheadOptions {
  capability: string;
  inFlightMax: number;
  queueMax: number;
  queueWaitMsMax: number;
  adaptive: boolean;
  /** Instances in rotation. */
  instances: () => number;
  clock: Clock;
  counters: Counters;
}

export interface Bulkhead {
  layer<R extends Result>(): Layer<R>;
  readonly inFlight: number;
  readonly queued: number;
  readonly limit: number;
}

/** Share of a call's time that waiting and answering may take by what is known; the rest is for what is not. */
const TIME_SHARE = 0.8;
/** Share of the longest wait that may be predicted: predictions are averages, and who waits should get its place. */
const WAIT_SHARE = 0.6;

interface Waiter extends Dependant {
  critical: boolean;
  flight: Flight;
  enter(nowMs: number): void;
  refuse(): void;
}

const average = (known: number, sample: number): number => (known === 0 ? sample : known * 0.95 + sample * 0.05);

export function createBulkhead(options: BulkheadOptions): Bulkhead {
  const { capability, queueMax, queueWaitMsMax, clock, counters } = options;
  const limit = createLimit({
    max: options.inFlightMax,
    adaptive: options.adaptive,
    instances: options.instances,
    clock,
    onLower: () => counters.limitLowered++,
  });
  const queue: Waiter[] = [];
  let inFlight = 0;
  /** Average time from having a place to the answer (of a stream its first message): what a call needs once it has one. */
  let answerMs = 0;
  /** Average deviation from it. */
  let spreadMs = 0;
  /** Average time that an answered call held its place, streams to their end. */
  let holdMs = 0;
  /** Average time between two places becoming free while somebody waits: what the queue moves by. */
  let turnMs = 0;
  let turnedMs = Number.NaN;

  const refusal = (what: string, retryAfterMs: number): Refusal => {
    counters.bulkheadRefused++;
    return new Refusal('bulkhead', 'OVERLOADED', `${capability}: ${what}; try again later`, {
      retryAfterMs: Math.ceil(retryAfterMs),
    });
  };
  const wake = (): void => {
    while (queue.length > 0 && inFlight < limit.value) {
      const waiter = queue.shift() as Waiter;
      const nowMs = clock.monotonic();
      // Work that cannot be in time any more would only take the place of work that can.
      if (nowMs + answerMs > waiter.flight.dueMs) waiter.refuse();
      else waiter.enter(nowMs);
    }
  };
  /** What a call tells of the load when it is answered, a stream with its first message: how long it runs on is its reader's. */
  const learn = (startedMs: number, nowMs: number, error: MeshError | undefined, timed: boolean): void => {
    if (!error && timed) {
      const tookMs = nowMs - startedMs;
      spreadMs = answerMs === 0 ? 0 : average(spreadMs, Math.abs(tookMs - answerMs));
      answerMs = average(answerMs, tookMs);
    }
    limit.observe(error, inFlight, startedMs, nowMs, timed);
  };
  const leave = (startedMs: number, nowMs: number, answered: boolean): void => {
    if (answered) holdMs = average(holdMs, nowMs - startedMs);
    if (!Number.isNaN(turnedMs)) {
      // Some call ends within the time that one takes; and a moment in which this process was held up is no slower queue.
      const likelyMs = Math.min(
        holdMs || Number.POSITIVE_INFINITY,
        turnMs > 0 ? turnMs * 5 + 1 : Number.POSITIVE_INFINITY,
      );
      turnMs = average(turnMs, Math.min(nowMs - turnedMs, likelyMs));
    }
    turnedMs = queue.length > 0 ? nowMs : Number.NaN;
    inFlight--;
    if (queue.length > 0) wake();
  };
  /** Runs the call in a place that was taken for it already. */
  const hold = <R extends Result>(next: Send<R>, flight: Flight, done: Done<R>): void => {
    const startedMs = flight.nowMs;
    const timed = !flight.call.untimed;
    next(flight, (error, result) => {
      const ended = result?.ended;
      if (timed || !ended) learn(startedMs, flight.nowMs, error, timed);
      if (!ended) leave(startedMs, flight.nowMs, !error);
      else
        void ended.then((late) => {
          const nowMs = clock.monotonic();
          if (!timed) learn(startedMs, nowMs, late, timed);
          leave(startedMs, nowMs, true);
        });
      done(error, result);
    });
  };
  const wait = (flight: Flight, waitMsMax: number, enter: () => void, refused: (error: MeshError) => void): void => {
    const giveUp = (error: MeshError): void => {
      queue.splice(queue.indexOf(waiter), 1);
      stop();
      refused(error);
    };
    const waiter: Waiter = {
      critical: criticality(flight.call) === 'critical',
      flight,
      enter(nowMs) {
        inFlight++;
        stop();
        flight.nowMs = nowMs;
        enter();
      },
      refuse() {
        stop();
        refused(refusal(IN_VAIN, turnMs * (queue.length + 1)));
      },
      cancel: giveUp,
    };
    const cancelTimer = clock.after(waitMsMax, () => giveUp(refusal(IN_VAIN, waitMsMax)));
    flight.attach(waiter);
    const stop = (): void => {
      cancelTimer();
      flight.detach(waiter);
    };
    counters.bulkheadQueued++;
    if (waiter.critical) queue.splice(criticalWaiting(), 0, waiter);
    else queue.push(waiter);
  };

  const criticalWaiting = (): number => {
    const first = queue.findIndex(({ critical }) => !critical);
    return first < 0 ? queue.length : first;
  };
  /** What a call may be predicted to wait, so that it has a place and then its answer in time. */
  const longestWaitMs = (leftMs: number): number => {
    const inTimeMs = leftMs * TIME_SHARE - answerMs - 2 * spreadMs;
    return Math.min(inTimeMs, queueWaitMsMax * WAIT_SHARE);
  };

  return {
    layer: () => (next) => (flight, done) => {
      if (inFlight < limit.value && queue.length === 0) {
        inFlight++;
        hold(next, flight, done);
        return;
      }
      const class_ = criticality(flight.call);
      const before = class_ === 'critical' ? criticalWaiting() : queue.length;
      // Places beyond a limit that has fallen come free for nobody.
      const turns = before + 1 + Math.max(0, inFlight - limit.value);
      const waitMs = (turnMs > 0 ? turnMs : answerMs / limit.value) * turns;
      const leftMs = flight.dueMs - flight.nowMs;
      const what =
        class_ === 'sheddable'
          ? 'is busy and the call may be shed'
          : queue.length >= queueMax
            ? `${queueMax} calls wait already, which is the limit`
            : waitMs > longestWaitMs(leftMs)
              ? `the wait would be ${Math.round(waitMs)} ms, longer than the call can wait`
              : undefined;
      if (what !== undefined) {
        done(refusal(what, waitMs), undefined);
        return;
      }
      wait(
        flight,
        Math.min(queueWaitMsMax, leftMs),
        () => hold(next, flight, done),
        (error) => done(error, undefined),
      );
    },
    get inFlight() {
      return inFlight;
    },
    get queued() {
      return queue.length;
    },
    get limit() {
      return limit.value;
    },
  };
}

const IN_VAIN = 'no place became free in time';
