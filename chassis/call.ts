/** What a handler is given beside the request: deadline, cancellation, identity, trailers. Transport-free, so that tests can make one by hand. */
import type { Criticality } from './caller.js';
import type { Ending } from './ending.js';
import type { Logger } from './log.js';

export interface CallContext {
  /** Full method: "plexus.v1.Embed/Embed". */
  readonly method: string;
  /** Aborts when the caller goes away or the deadline passes; its reason is a MeshError. */
  readonly signal: AbortSignal;
  /** The same, without the cost of a signal, for who can do with it. Absent where a test made the context by hand. */
  readonly ending?: Ending;
  /** Milliseconds since the epoch. A call without a deadline gets the server's; Infinity for watches only. */
  readonly deadlineMs: number;
  /** x-request-id of the caller, or a new one; returned in the trailers. */
  readonly requestId: string;
  /** W3C trace context of the caller, passed on as it came. */
  readonly traceparent: string | undefined;
  /** From the metadata x-plexus-tenant and x-plexus-criticality (caller.ts). */
  readonly tenant: string;
  readonly criticality: Criticality;
  /** Request metadata, last value of each key, keys in lower case. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly log: Logger;
  /** Adds to the trailers of the answer; the value of a `-bin` key is base64. */
  setTrailer(key: string, value: string): void;
}
