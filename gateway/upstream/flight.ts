/**
 * One call on its way through the stack: what every layer shares about it. A flight ends exactly once, by its answer, its
 * deadline or its caller leaving; whatever waits or runs on its behalf listens with onEnd. A cheap stand-in for a tree of
 * AbortControllers, which cost more than the rest of the stack together.
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

export class Flight {
  readonly call: UpstreamCall;
  /** Milliseconds since the epoch, the reserve taken off. */
  readonly deadlineMs: number;
  /** Attempts begun. */
  attempts = 0;
  /** Instances that were tried, in order. */
  readonly tried: Endpoint[] = [];
  /** The attempt begun last: how the hedge layer learns what it started. */
  latest: Attempt | undefined;
  /** Why it ended early, once it has. */
  ended: MeshError | undefined;
  /** True once nobody waits for it any more, however it ended. */
  settled = false;
  #listeners: ((reason: MeshError) => void)[] = []; // one or two: cheaper than a set

  constructor(call: UpstreamCall, deadlineMs: number) {
    this.call = call;
    this.deadlineMs = deadlineMs;
  }

  /** Calls `listener` when the flight ends early, at once where it has. Returns how to stop listening. */
  onEnd(listener: (reason: MeshError) => void): () => void {
    if (this.ended) {
      listener(this.ended);
      return () => {};
    }
    this.#listeners.push(listener);
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at >= 0) this.#listeners.splice(at, 1);
    };
  }

  /** Ends it early: the deadline passed or the caller left. Only the first reason counts. */
  end(reason: MeshError): void {
    if (this.ended || this.settled) return;
    this.ended = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(reason);
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

export type Send<R extends Result> = (flight: Flight) => Promise<R>;

/** A layer of the call stack: wraps what is below it. */
export type Layer<R extends Result> = (next: Send<R>) => Send<R>;

/** Layers outermost first, around what sends. A layer that is switched off is `undefined`. */
export function stack<R extends Result>(layers: readonly (Layer<R> | undefined)[], bottom: Send<R>): Send<R> {
  let send = bottom;
  for (const layer of [...layers].reverse()) if (layer) send = layer(send);
  return send;
}
