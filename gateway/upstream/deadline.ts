/**
 * The outermost layer: a call becomes a flight with the caller's deadline minus a reserve, and ends exactly once, by its
 * answer, at its deadline, or when the caller leaves. Below it nobody needs a timer for the deadline.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../chassis/clock.js';
import { shrink } from '../../chassis/deadline.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import type { UpstreamCall } from './call.js';
import type { Counters } from './counters.js';
import { Flight, type Result, type Send } from './flight.js';

export interface DeadlineOptions {
  clock: Clock;
  counters: Counters;
  /** Keep a reserve for the way back. Off: the caller's deadline goes on as it is. */
  reserve: boolean;
}

/** Runs a call through `next`. Resolves or rejects once; what still runs then has been cancelled. */
export function fly<R extends Result>(
  call: UpstreamCall,
  next: Send<R>,
  options: DeadlineOptions,
): Promise<{ result: R; flight: Flight }> {
  const { clock, counters } = options;
  counters.calls++;
  const nowMs = clock.now();
  const deadlineMs = options.reserve ? shrink(call.deadlineMs, nowMs) : call.deadlineMs;
  const flight = new Flight(call, deadlineMs);
  if (call.signal.aborted) return Promise.reject(counted(abortReason(call.signal), counters));
  if (deadlineMs <= nowMs) {
    return Promise.reject(
      counted(
        new MeshError('DEADLINE_EXCEEDED', 'the deadline was too near to send the call; give it more time'),
        counters,
      ),
    );
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => flight.end(abortReason(call.signal));
    const cancelTimer = Number.isFinite(deadlineMs)
      ? clock.after(deadlineMs - nowMs, () =>
          flight.end(
            new MeshError('DEADLINE_EXCEEDED', `no instance of ${call.capability} answered before the deadline`),
          ),
        )
      : undefined;
    setMaxListeners(0, call.signal); // a pipeline shares one signal among all of its calls; ten listeners are no leak
    call.signal.addEventListener('abort', onAbort, { once: true });
    const tidy = (): void => {
      flight.settled = true;
      cancelTimer?.();
      call.signal.removeEventListener('abort', onAbort);
    };
    // A flight that ends early is over for its caller at once; what it started hears of it by the same call of end().
    flight.onEnd((reason) => {
      tidy();
      reject(counted(reason, counters));
    });
    next(flight).then(
      (result) => {
        if (flight.ended) return;
        if (result.ended) void result.ended.then(tidy);
        else tidy();
        counters.answered++;
        resolve({ result, flight });
      },
      (error) => {
        if (flight.ended) return;
        tidy();
        reject(counted(toMeshError(error), counters));
      },
    );
  });
}

function counted(error: MeshError, counters: Counters): MeshError {
  if (error.code === 'DEADLINE_EXCEEDED') counters.deadlineExceeded++;
  else if (error.code === 'CANCELLED') counters.cancelled++;
  else counters.failed++;
  return error;
}
