/**
 * What goes into the upstream stack and what comes out: raw bytes, since the gateway never decodes what it need not. The
 * stack knows methods only by name and relies on the caller to say what is idempotent.
 */

import { CRITICALITY_KEY, type Criticality, criticalityOf } from '../../chassis/caller.js';
import type { MeshError } from '../../chassis/errors.js';
import type { Endpoint } from './endpoint.js';

/**
 * What the stack asks of an AbortSignal. Whoever makes one for every call may give something lighter: listening to a fresh
 * AbortSignal and letting go of it costs as much as the whole stack (2.7 us; bench/stack.ts shows both).
 */
export interface CallerSignal {
  readonly aborted: boolean;
  /** Why, once it has. */
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** One call to a capability. */
export interface UpstreamCall {
  /** "embed": which instances may answer. */
  capability: string;
  /** Full method: "plexus.v1.Embed/Embed". */
  method: string;
  /** The request message, encoded. */
  request: Buffer;
  /** The caller's deadline, milliseconds since the epoch; Infinity for none. The stack keeps a reserve of it. */
  deadlineMs: number;
  /** Aborts when the caller goes away. */
  signal: CallerSignal;
  /** Sent along as it is: x-request-id, traceparent, x-plexus-criticality, x-plexus-tenant. */
  metadata?: Readonly<Record<string, string>>;
  /** True where the call may be sent twice. Only such calls are retried and hedged. */
  idempotent: boolean;
  /** Reference of the request ("name", "name@version", "name:alias"): instances that have it are preferred. */
  model?: string;
  /**
   * Answer the same bytes from memory for this long, and join calls in flight. Absent: as `deterministic` says. `alone`: sent though an equal call
   * is in flight; the answer is kept all the same.
   */
  cache?: { ttlMs: number; alone?: boolean };
  /**
   * Equal bytes get an equal answer: joins equal calls in flight, and is answered from memory for as long as the setting
   * `cacheTtlMs` says. Absent: neither.
   */
  deterministic?: boolean;
  /**
   * How long it takes says nothing of how busy instances are: its requests are yet to come, or it is about an instance (Models).
   * The stack sets it for `bidi` and `unaryTo`.
   */
  untimed?: true;
  /** Of the work it is done for, where that may take several calls. */
  trail?: Trail;
}

/**
 * What the calls for one piece of work leave behind: a step of a pipeline with retries and a hedge of its own. The first pays
 * into the budget of retries and hedges, those after it draw on it and go to instances that were not tried.
 */
export interface Trail {
  /** True once one of them has passed the retry layer. */
  begun: boolean;
  /** Instances that were sent to, in order: one an attempt. */
  readonly tried: Endpoint[];
  /** True once the request has failed inside two instances: it is not sent to a third. */
  poisonous: boolean;
}

export function createTrail(): Trail {
  return { begun: false, tried: [], poisonous: false };
}

/** A call whose requests are a stream; sent to one instance, never retried. */
export type UpstreamBidiCall = Omit<UpstreamCall, 'request' | 'cache' | 'deterministic' | 'idempotent' | 'untimed'> & {
  requests: AsyncIterable<Buffer>;
};

export interface UpstreamAnswer {
  /** The response message, encoded. */
  response: Buffer;
  /** Trailers of the service, string values only. */
  trailers: Readonly<Record<string, string>>;
  /** Id of the instance that answered: "embed-1". */
  instance: string;
  /** Calls sent for it, retries and hedges included; 0 where cached. */
  attempts: number;
  /** True where it came from memory or an equal call's answer is its too. */
  cached: boolean;
}

/** Messages of a stream; read it to its end or return it, which cancels the call. */
export interface UpstreamStream extends AsyncIterable<Buffer> {
  /** Id of the instance that answers, once the first message has come. */
  readonly instance: string | undefined;
  readonly attempts: number;
  /** Complete after the last message. */
  readonly trailers: Readonly<Record<string, string>>;
}

const attempts = new WeakMap<MeshError, number>();

/** Calls sent for a call that failed with `error`, retries and hedges included; undefined for an error of another making. */
export function attemptsOf(error: MeshError): number | undefined {
  return attempts.get(error);
}

/** For deadline.ts, where every call ends. An error that ended several calls keeps the number of the last. */
export function noteAttempts(error: MeshError, sent: number): void {
  attempts.set(error, sent);
}

/** "embed" -> "plexus.v1.Embed": also the name of its health. */
export function serviceName(capability: string): string {
  return `plexus.v1.${capability.slice(0, 1).toUpperCase()}${capability.slice(1)}`;
}

export type { Criticality };

/** How much a call matters, from its metadata. */
export function criticality(call: Pick<UpstreamCall, 'metadata'>): Criticality {
  return criticalityOf(call.metadata?.[CRITICALITY_KEY]);
}
