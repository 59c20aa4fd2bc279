/**
 * One stream of a connection: its windows and its place in the connection's hands. What headers and data mean is for who
 * extends it: a call of a client, a call of a server.
 */
import type { HeaderList } from './hpack-decoder.js';
import type { HpackEncoder } from './hpack-encoder.js';

/** Bytes to send that the windows have not let through yet. */
export interface Waiting {
  readonly parts: Buffer[];
  /** Bytes of the first part that were sent. */
  sent: number;
  bytes: number;
  /** The stream ends after them. */
  end: boolean;
  /** The stream ends after them with these headers, written when they are sent: the table is in the order of sending. */
  trailers: ((encoder: HpackEncoder) => void) | undefined;
}

export abstract class Stream {
  /** 0 until it is opened. */
  id = 0;
  /** Bytes the peer lets us send. */
  sendWindow = 0;
  /** Bytes we let the peer send. */
  receiveWindow = 0;
  /** Bytes received and used up, but not given back to the peer's window yet. */
  uncreditedBytes = 0;
  waiting: Waiting | undefined;
  /** We have sent our last frame, or nothing waits but what does. */
  localEnded = false;
  remoteEnded = false;

  /** A list of headers; undefined where it was longer than the limit. `end`: nothing follows. */
  abstract onHeaders(list: HeaderList | undefined, end: boolean): void;
  /** Bytes `start` to `end` of a buffer that stays as it is. They count against the window until credited. */
  abstract onData(bytes: Buffer, start: number, end: number, last: boolean): void;
  /** The peer reset it, or broke the protocol on it alone. It is closed already. */
  abstract onReset(code: number): void;
  /** The connection is gone. `processed`: false where the peer says it never looked at it. */
  abstract onLost(why: string, processed: boolean): void;
  /** What waited has been sent. */
  onDrain(): void {}
}
