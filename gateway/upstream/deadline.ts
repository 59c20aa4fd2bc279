/**
 * The outermost layer: a call becomes a flight with the caller's deadline minus a reserve, and ends exactly once, by its
 * answer, at its deadline, or when the caller leaves. Below it nobody needs a timer for the deadline.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../../chassis/clock.js';
import { shrink } from '../../chassis/deadline.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import { noteAttempts, type UpstreamCall } from './call.js';
import type { Counters } from './counters.js';
import { type Dependant, type Done, Flight, type Result, type Send } from './flight.js';

export interface DeadlineOptions {
  clock: Clock;
  counters: Counters;
  /** End calls at their deadline. Off: the instance that has the call is left to. */
  ends: boolean;
  /** Keep a reserve for the way back. Off: the caller's deadline goes on as it is. */
  reserve: boolean;
}

/** Runs a call through `next` and resolves with what `fold` makes of its result. Ends once; what still runs then has been cancelled. */
export function fly<R extends Result, T>(
  call: UpstreamCall,
  next: Send<R>,
  options: DeadlineOptions,
  fold: (result: R, flight: Flight) => T,
): Promise<T> {
  const { clock, counters, ends, reserve } = options;
  counters.calls++;
  const nowMs = clock.now();
  const deadlineMs = reserve ? shrink(call.deadlineMs, nowMs) : call.deadlineMs;
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
    const flight = new Flight(call, deadlineMs, clock.monotonic(), deadlineMs - nowMs);
    const passenger = new Passenger(flight, ends ? clock : undefined, counters, reject);
    flight.attach(passenger);
    const done: Done<R> = (error, result) => {
      if (flight.ended) return; // its caller has been told
      if (error || !result) passenger.fail(error ?? toMeshError(new Error('a layer ended a call with nothing')));
      else {
        if (result.ended) void result.ended.then((late) => passenger.land(late));
        else passenger.land(undefined);
        resolve(fold(result, flight));
      }
    };
    try {
      next(flight, done);
    } catch (mistake) {
      flight.end(toMeshError(mistake)); // of a layer: it ends its own call, with whatever waits for it
    }
  });
}

/** Whoever waits for the flight: the deadline and the caller end it through here, and hear of its end first. */
class Passenger implements Dependant {
  readonly #flight: Flight;
  readonly #counters: Counters;
  readonly #reject: (error: MeshError) => void;
  readonly #onAbort: () => void;
  readonly #cancelTimer: (() => void) | undefined;

  /** Without a clock its deadline does not end it. */
  constructor(flight: Flight, clock: Clock | undefined, counters: Counters, reject: (error: MeshError) => void) {
    this.#flight = flight;
    this.#counters = counters;
    this.#reject = reject;
    const { capability, signal } = flight.call;
    this.#onAbort = () => flight.end(abortReason(signal));
    if (signal instanceof AbortSignal) setMaxListeners(0, signal); // a pipeline shares one among all of its calls; ten listeners are no leak
    signal.addEventListener('abort', this.#onAbort);
    if (clock && Number.isFinite(flight.dueMs))
      this.#cancelTimer = clock.after(flight.dueMs - flight.nowMs, () =>
        flight.end(new MeshError('DEADLINE_EXCEEDED', `no instance of ${capability} answered before the deadline`)),
      );
  }

  /** The flight ended early: it is over for its caller at once; what it started hears of it by the same call of end(). */
  cancel(reason: MeshError): void {
    this.fail(reason);
  }

  fail(error: MeshError): void {
    this.#tidy();
    noteAttempts(error, this.#flight.attempts);
    this.#reject(counted(error, this.#counters));
  }

  /** It was answered; a stream to its end, which may have been `error`. */
  land(error: MeshError | undefined): void {
    if (this.#flight.settled) return; // a stream that its deadline or its caller ended has been counted
    this.#tidy();
    if (error) counted(error, this.#counters);
    else this.#counters.answered++;
  }

  #tidy(): void {
    const flight = this.#flight;
    flight.settled = true;
    this.#cancelTimer?.();
    flight.call.signal.removeEventListener('abort', this.#onAbort);
  }
}

function counted(error: MeshError, counters: Counters): MeshError {
  if (error.code === 'DEADLINE_EXCEEDED') counters.deadlineExceeded++;
  else if (error.code === 'CANCELLED') counters.cancelled++;
  else counters.failed++;
  return error;
}
