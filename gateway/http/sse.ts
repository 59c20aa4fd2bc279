/**
 * Server-sent events: one event a message, named after what it carries, its data the message as JSON. Written no faster than
 * the client reads; a comment keeps a silent stream open; an error after the first event is an event of its own, one before it
 * is a plain HTTP error.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../chassis/clock.js';

export interface ServerSentEvent {
  event: string;
  /** One line of JSON. */
  data: string;
}

export interface EventStream {
  /** True once the head was sent: errors must be events from then on. */
  readonly begun: boolean;
  send(event: ServerSentEvent): Promise<void>;
  end(): void;
}

export interface EventStreamOptions {
  response: ServerResponse;
  clock: Clock;
  heartbeatMs: number;
  headers: Readonly<Record<string, string>>;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

export function openEventStream({ response, clock, heartbeatMs, headers, signal }: EventStreamOptions): EventStream {
  let begun = false;
  let ended = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...headers,
    });
  };
  let cancelBeat = (): void => {};
  const beat = (): void => {
    cancelBeat();
    cancelBeat = clock.after(heartbeatMs, () => {
      if (ended || signal.aborted) return;
      begin();
      response.write(': still working\n\n');
      beat();
    });
  };
  beat();
  return {
    get begun() {
      return begun;
    },
    async send({ event, data }) {
      if (signal.aborted || ended) return;
      begin();
      beat();
      if (!response.write(`event: ${event}\ndata: ${data}\n\n`)) await drained(response, signal);
    },
    end() {
      if (ended) return;
      ended = true;
      cancelBeat();
      if (begun) response.end();
    },
  };
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.removeListener('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
