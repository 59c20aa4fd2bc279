/**
 * One call on its way through the stack: what every layer shares about it. A flight ends exactly once, by its answer, its
 * deadline or its caller leaving; whatever waits or runs on its behalf listens. A cheap stand-in for a tree of
 * AbortControllers, which cost more than the rest of the stack together.
 *
 * Layers hand results on by callback, not by promise: a promise a layer, with its turn of the microtask queue, was a third of
 * what a call through the stack cost (bench/stack.ts). So the one rule of a layer is that it calls `done` exactly once.
 */
import type { MeshError } from '../../chassis/errors.js';
import type { UpstreamCall } from './call.js';
import type { Endpoint } from './endpoint.js';

/** One sending of a call to one instance. */
export interface Attempt {
  readonly flight: Flight;
  readonly endpoint: Endpoint;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  /** Ends this attempt alone with `reason`; no effect once it has ended. */
  cancel(reason: MeshError): void;
}

/** Waits or runs on behalf of a flight. */
export interface Dependant {
  /** The flight has ended early, with `reason`. Called once at most. */
  cancel(reason: MeshError): void;
}

export class Flight {
  readonly call: UpstreamCall;
  /** Milliseconds since the epoch, the reserve taken off. */
  readonly deadlineMs: number;
  /**
   * Monotonic milliseconds when it last moved: begun, woken, answered. Layers that act in that same moment read this instead of
   * the clock, which a call would otherwise ask 15 times; whoever wakes a flight sets it.
   */
  nowMs: number;
  /** The same deadline on the monotonic clock. */
  readonly dueMs: number;
  /** Attempts begun. */
  attempts = 0;
  /** Of those, not yet over. */
  running = 0;
  /** Times the retry layer has sent it; 0 where that cannot send it again: it is switched off, or the call has been answered. */
  round = 0;
  /** Its next sending has been taken from the budget already. */
  paid = false;
  /** Instances that were tried, in order; by the calls before it on its trail too. */
  readonly tried: Endpoint[];
  /** The attempt begun last: how the hedge layer learns what it started. */
  latest: Attempt | undefined;
  /** True once its request has failed inside two instances: it would elsewhere. */
  poisonous = false;
  /** Why it ended early, once it has. */
  ended: MeshError | undefined;
  /** True once nobody waits for it any more, however it ended. */
  settled = false;
  #first: Dependant | undefined; // most flights have two: whoever waits for it and its attempt
  #second: Dependant | undefined;
  #others: Dependant[] | undefined;

  /** `leftMs`: from `nowMs` (monotonic) to the deadline. */
  constructor(call: UpstreamCall, deadlineMs: number, nowMs: number, leftMs: number) {
    this.call = call;
    this.tried = call.trail?.tried ?? [];
    this.deadlineMs = deadlineMs;
    this.nowMs = nowMs;
    this.dueMs = nowMs + leftMs;
  }

  /** `dependant` hears when the flight ends early, at once where it has. */
  attach(dependant: Dependant): void {
    if (this.ended) dependant.cancel(this.ended);
    else if (!this.#first) this.#first = dependant;
    else if (!this.#second) this.#second = dependant;
    else if (this.#others) this.#others.push(dependant);
    else this.#others = [dependant];
  }

  /** It need not hear any more. */
  detach(dependant: Dependant): void {
    if (this.#first === dependant) this.#first = undefined;
    else if (this.#second === dependant) this.#second = undefined;
    else if (this.#others) {
      const at = this.#others.indexOf(dependant);
      if (at >= 0) this.#others.splice(at, 1);
    }
  }

  /** Ends it early: the deadline passed or the caller left. Only the first reason counts. */
  end(reason: MeshError): void {
    if (this.ended || this.settled) return;
    this.ended = reason;
    const [first, second, others] = [this.#first, this.#second, this.#others];
    this.#first = undefined;
    this.#second = undefined;
    this.#others = undefined;
    first?.cancel(reason);
    second?.cancel(reason);
    if (others) for (const each of others) each.cancel(reason);
  }
}

/** What a layer sees of a result: a unary answer is over when it is there, a stream when `ended` resolves. */
export interface Result {
  readonly instance: string;
  readonly ended?: Promise<MeshError | undefined>;
}

export interface Reply extends Result {
  readonly response: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
  readonly cached: boolean;
}

/** Hears what became of a call, exactly once: an error or a result. May be called before `Send` returns. */
export type Done<R extends Result> = (error: MeshError | undefined, result: R | undefined) => void;

export type Send<R extends Result> = (flight: Flight, done: Done<R>) => void;

/** A layer of the call stack: wraps what is below it. */
export type Layer<R extends Result> = (next: Send<R>) => Send<R>;

/** Layers outermost first, around what sends. A layer that is switched off is `undefined`. */
export function stack<R extends Result>(layers: readonly (Layer<R> | undefined)[], bottom: Send<R>): Send<R> {
  let send = bottom;
  for (const layer of [...layers].reverse()) if (layer) send = layer(send);
  return send;
}
