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
  clock: Clock;
  counters: Counters;
}

export interface Bulkhead {
  layer<R extends Result>(): Layer<R>;
  readonly inFlight: number;
  readonly queued: number;
  readonly limit: number;
}

interface Waiter {
  critical: boolean;
  enter(): void;
}

export function createBulkhead(options: BulkheadOptions): Bulkhead {
  const { capability, queueMax, queueWaitMsMax, clock, counters } = options;
  const limit = createLimit({ max: options.inFlightMax, adaptive: options.adaptive, clock });
  const queue: Waiter[] = [];
  let inFlight = 0;
  /** Average time a call holds its place; the wait of the last in the queue is a multiple of it. */
  let holdMs = 0;

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
    while (queue.length > 0 && inFlight < limit.value) (queue.shift() as Waiter).enter();
  };
  const leave = (startedMs: number, error: MeshError | undefined): void => {
    const heldMs = clock.monotonic() - startedMs;
    // A deadline shorter than a usual call is its caller's doing and says nothing about the load.
    if (error?.code !== 'DEADLINE_EXCEEDED' || heldMs >= holdMs) limit.observe(error, inFlight);
    holdMs = holdMs === 0 ? heldMs : holdMs * 0.9 + heldMs * 0.1;
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
      const waiter: Waiter = {
        critical: criticality(flight.call) === 'critical',
        enter() {
          inFlight++; // here, not when the promise is heard: the loop that wakes waiters counts on it
          stop();
          resolve();
        },
      };
      const giveUp = (error: MeshError): void => {
        queue.splice(queue.indexOf(waiter), 1);
        stop();
        reject(error);
      };
      const cancelTimer = clock.after(waitMsMax, () => {
        counters.bulkheadRefused++;
        giveUp(
          new MeshError(
            'OVERLOADED',
            `${capability}: waited ${Math.round(waitMsMax)} ms for a place; try again later`,
            { retryAfterMs: Math.ceil(waitMsMax), facts: { layer: 'bulkhead' } },
          ),
        );
      });
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
      const waitMs = (holdMs * (queue.length + 1)) / limit.value;
      if (criticality(flight.call) === 'sheddable') return refuse('is busy and the call may be shed', waitMs);
      if (queue.length >= queueMax) return refuse(`${queueMax} calls wait already, which is the limit`, waitMs);
      const leftMs = flight.deadlineMs - clock.now();
      // Time to wait and then to be answered, both as they were lately.
      if (waitMs > queueWaitMsMax || waitMs + holdMs > leftMs)
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
