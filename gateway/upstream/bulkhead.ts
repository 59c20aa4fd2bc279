/**
 * A bulkhead per capability: bounded calls in flight, a bounded queue for a place, a bounded wait. A call that cannot get its
 * place in time is refused at once, by the wait that the queue predicts, not after having waited. Critical calls wait in
 * front, sheddable ones do not wait at all.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import { criticality } from './call.js';
import type { Counters } from './counters.js';
import type { Flight, Layer, Result } from './flight.js';
import { createLimit } from './limit.js';

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

/** Share of a call's time that waiting and answering may take by the averages; the rest is for what is above average. */
const TIME_SHARE = 0.8;

interface Waiter {
  critical: boolean;
  deadlineMs: number;
  enter(): void;
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
  });
  const queue: Waiter[] = [];
  let inFlight = 0;
  /** Average time an answered call held its place: what a call needs once it has one. */
  let holdMs = 0;
  /** Average time between two places becoming free while somebody waits: what the queue moves by. */
  let turnMs = 0;
  let turnedMs = Number.NaN;

  const refuse = (what: string, retryAfterMs: number): Promise<never> => {
    counters.bulkheadRefused++;
    return Promise.reject(
      new MeshError('OVERLOADED', `${capability}: ${what}; try again later`, {
        retryAfterMs: Math.ceil(retryAfterMs),
        facts: { layer: 'bulkhead' },
      }),
    );
  };
  const wake = (): void => {
    while (queue.length > 0 && inFlight < limit.value) {
      const waiter = queue.shift() as Waiter;
      // Work that cannot be in time any more would only take the place of work that can.
      if (clock.now() + holdMs > waiter.deadlineMs) waiter.refuse();
      else waiter.enter();
    }
  };
  const leave = (startedMs: number, error: MeshError | undefined): void => {
    const nowMs = clock.monotonic();
    if (!error) holdMs = average(holdMs, nowMs - startedMs);
    if (!Number.isNaN(turnedMs)) turnMs = average(turnMs, nowMs - turnedMs);
    turnedMs = queue.length > 0 ? nowMs : Number.NaN;
    limit.observe(error, inFlight, startedMs);
    inFlight--;
    wake();
  };
  /** Runs the call in a place that was taken for it already. */
  const hold = <R extends Result>(next: (flight: Flight) => Promise<R>, flight: Flight): Promise<R> => {
    const startedMs = clock.monotonic();
    const flown = next(flight);
    flown.then(
      (result) => {
        if (result.ended) void result.ended.then((error) => leave(startedMs, error));
        else leave(startedMs, undefined);
      },
      (error) => leave(startedMs, toMeshError(error)),
    );
    return flown;
  };
  const wait = (flight: Flight, waitMsMax: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const refused = (waitedMs: number): MeshError => {
        counters.bulkheadRefused++;
        return new MeshError('OVERLOADED', `${capability}: no place became free in time; try again later`, {
          retryAfterMs: Math.ceil(waitedMs),
          facts: { layer: 'bulkhead' },
        });
      };
      const waiter: Waiter = {
        critical: criticality(flight.call) === 'critical',
        deadlineMs: flight.deadlineMs,
        enter() {
          inFlight++; // here, not when the promise is heard: the loop that wakes waiters counts on it
          stop();
          resolve();
        },
        refuse() {
          stop();
          reject(refused(turnMs * (queue.length + 1)));
        },
      };
      const giveUp = (error: MeshError): void => {
        queue.splice(queue.indexOf(waiter), 1);
        stop();
        reject(error);
      };
      const cancelTimer = clock.after(waitMsMax, () => giveUp(refused(waitMsMax)));
      const stopListening = flight.onEnd(giveUp);
      const stop = (): void => {
        cancelTimer();
        stopListening();
      };
      counters.bulkheadQueued++;
      if (!waiter.critical) queue.push(waiter);
      else {
        const first = queue.findIndex(({ critical }) => !critical);
        queue.splice(first < 0 ? queue.length : first, 0, waiter);
      }
    });

  return {
    layer: () => (next) => (flight) => {
      if (inFlight < limit.value && queue.length === 0) {
        inFlight++;
        return hold(next, flight);
      }
      const waitMs = (turnMs > 0 ? turnMs : holdMs / limit.value) * (queue.length + 1);
      if (criticality(flight.call) === 'sheddable') return refuse('is busy and the call may be shed', waitMs);
      if (queue.length >= queueMax) return refuse(`${queueMax} calls wait already, which is the limit`, waitMs);
      const leftMs = flight.deadlineMs - clock.now();
      // Time to wait and then to be answered, both as they were lately.
      if (waitMs > queueWaitMsMax || waitMs + holdMs > leftMs * TIME_SHARE)
        return refuse(`the wait would be ${Math.round(waitMs)} ms, longer than the call can wait`, waitMs);
      return wait(flight, Math.min(queueWaitMsMax, leftMs)).then(() => hold(next, flight));
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
