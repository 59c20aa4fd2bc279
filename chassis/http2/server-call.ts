/**
 * One call of a server: a stream that knows gRPC. Reads the request, hands it to its route, and writes what comes back: headers,
 * messages and trailers of a unary answer leave together. Ends once; a caller that leaves is told to the handler.
 */
import { MeshError } from '../errors.js';
import type { Incoming, Outcome, Route, Sink } from '../implement.js';
import { toWireStatus } from '../status.js';
import { Code } from './codes.js';
import type { Connection } from './connection.js';
import { headerOf } from './grpc-status.js';
import type { HeaderList } from './hpack-decoder.js';
import { MessageQueue } from './message-queue.js';
import { MessageReader } from './message-reader.js';
import { Stream } from './stream.js';

export interface ServerCallOptions {
  /** By ":path". */
  routes: ReadonlyMap<string, Route>;
  messageBytesMax: number;
  /** Milliseconds since the epoch. */
  now: () => number;
}

const CONTENT_TYPE = 'application/grpc';
const TIMEOUT_UNITS_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

export class ServerCall extends Stream implements Incoming, Sink {
  readonly metadata = new Map<string, string>();
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #connection: Connection;
  readonly #options: ServerCallOptions;
  readonly #reader: MessageReader;
  #route: Route | undefined;
  #request: Buffer | undefined;
  #requests: MessageQueue<unknown> | undefined;
  #headersSent = false;
  /** Answered, or nobody listens any more. */
  #over = false;
  #gone: (() => void) | undefined;
  #onDrained: (() => void) | undefined;

  constructor(connection: Connection, options: ServerCallOptions) {
    super();
    this.#connection = connection;
    this.#options = options;
    this.#reader = new MessageReader(options.messageBytesMax, (message) => this.#onMessage(message));
  }

  onGone(listener: () => void): void {
    if (this.#over) listener();
    else this.#gone = listener;
  }

  onHeaders(list: HeaderList | undefined, end: boolean): void {
    if (this.#over) return;
    if (this.#route) {
      this.#connection.reset(this, Code.PROTOCOL_ERROR); // a request has no trailers
      this.onReset(Code.PROTOCOL_ERROR);
      return;
    }
    if (!list) {
      this.#refuse(new MeshError('MESSAGE_TOO_LARGE', 'the metadata is larger than max'));
      return;
    }
    const type = headerOf(list, 'content-type');
    if (headerOf(list, ':method') !== 'POST' || !type?.startsWith(CONTENT_TYPE)) {
      this.#answerHttp(type?.startsWith(CONTENT_TYPE) ? '405' : '415');
      return;
    }
    const path = headerOf(list, ':path') ?? '';
    const route = this.#options.routes.get(path);
    if (!route) {
      this.#refuse(new MeshError('METHOD_UNKNOWN', `the server has no method ${path.slice(0, 200)}`));
      return;
    }
    this.#route = route;
    this.#readMetadata(list);
    if (route.requestStream) {
      this.#requests = new MessageQueue<unknown>(
        (bytes) => this.#connection.credit(this, bytes),
        () => {}, // what it does not read is thrown away when the call ends
      );
      this.#serve(this.#requests);
      if (end) this.#requests.end(undefined, false);
    } else if (end) this.#refuse(new MeshError('MESSAGE_INVALID', 'the call has no message'));
  }

  onData(bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.#over || !this.#route) {
      this.#connection.credit(this, end - start);
      return;
    }
    if (this.#requests) this.#requests.received(end - start);
    else this.#connection.credit(this, end - start); // bounded by the largest message
    const wrong = this.#reader.push(bytes, start, end);
    if (wrong) {
      this.#refuse(wrong.code === 'UPSTREAM_INVALID' ? new MeshError('METHOD_UNKNOWN', wrong.message) : wrong);
      return;
    }
    if (!last) return;
    if (this.#reader.partial)
      this.#refuse(new MeshError('MESSAGE_INVALID', 'the call ended in the middle of a message'));
    else if (this.#requests) this.#requests.end(undefined, false);
    else if (this.#request) this.#serve(this.#route.decode(this.#request));
    else this.#refuse(new MeshError('MESSAGE_INVALID', 'the call has no message'));
  }

  onReset(_code: number): void {
    this.#leave();
  }

  onLost(_why: string, _processed: boolean): void {
    this.#leave();
  }

  override onDrain(): void {
    this.#onDrained?.();
  }

  write(response: unknown): boolean {
    if (this.#over || !this.#route) return true; // the handler hears of it by its signal
    this.#sendHeaders();
    const { sender } = this.#connection;
    const gone = sender.message(this, this.#route.encode(response), false);
    sender.settle();
    return gone;
  }

  drained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#onDrained = undefined;
        reject(signal.reason);
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#onDrained = () => {
        this.#onDrained = undefined;
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      if (this.waiting === undefined) this.#onDrained();
    });
  }

  #onMessage(message: Buffer): void {
    if (this.#requests) this.#requests.push(this.#route?.decode(message));
    else if (this.#request) this.#refuse(new MeshError('MESSAGE_INVALID', 'the call has more than one message'));
    else this.#request = message;
  }

  /** Metadata and deadline; transport headers are nobody's business further in. */
  #readMetadata(list: HeaderList): void {
    for (let at = 0; at < list.length; at += 2) {
      const name = list[at] as string;
      if (name.charCodeAt(0) === 0x3a || name.endsWith('-bin')) continue;
      if (name === 'grpc-timeout') this.deadlineMs = this.#options.now() + timeoutMs(list[at + 1] as string);
      else this.metadata.set(name, list[at + 1] as string);
    }
  }

  #serve(input: unknown): void {
    const route = this.#route as Route;
    void route.serve(input, this, route.responseStream ? this : undefined).then((outcome) => this.#finish(outcome));
  }

  #finish({ result, error, trailers }: Outcome): void {
    if (this.#over) return;
    if (error) {
      this.#refuse(error, trailers);
      return;
    }
    const { sender } = this.#connection;
    const route = this.#route as Route;
    this.#sendHeaders();
    if (!route.responseStream) sender.message(this, route.encode(result), false);
    this.#sendTrailers((encoder) => {
      encoder.constant('grpc-status', '0');
      for (const key in trailers) encoder.varying(key, asHeader(trailers[key] as string));
    });
  }

  /** Ends the call with an error: as the only headers where none were sent. */
  #refuse(error: MeshError, trailers: Outcome['trailers'] = {}): void {
    if (this.#over) return;
    const { code, text, details } = toWireStatus(error);
    this.#requests?.end(error, true);
    this.#sendTrailers((encoder) => {
      if (!this.#headersSent) {
        encoder.constant(':status', '200');
        encoder.constant('content-type', CONTENT_TYPE);
      }
      encoder.constant('grpc-status', String(code));
      encoder.varying('grpc-message', encodeMessage(text));
      encoder.varying('grpc-status-details-bin', details.toString('base64'));
      for (const key in trailers) encoder.varying(key, asHeader(trailers[key] as string));
    });
  }

  /** What is no gRPC gets an HTTP status and nothing else. */
  #answerHttp(status: string): void {
    this.#sendTrailers((encoder) => encoder.constant(':status', status));
  }

  #sendHeaders(): void {
    if (this.#headersSent) return;
    this.#headersSent = true;
    const { sender } = this.#connection;
    sender.encoder.begin();
    sender.encoder.constant(':status', '200');
    sender.encoder.constant('content-type', CONTENT_TYPE);
    sender.headers(this, false);
  }

  #sendTrailers(write: (encoder: Connection['sender']['encoder']) => void): void {
    this.#over = true;
    this.#connection.sender.trailers(this, write);
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    const left = new MeshError('CANCELLED', 'the caller went away');
    this.#requests?.end(left, true);
    this.#onDrained?.();
    this.#gone?.();
  }
}

/** grpc-timeout in milliseconds; Infinity where it is none. */
function timeoutMs(text: string): number {
  const unit = TIMEOUT_UNITS_MS[text.slice(-1)];
  return unit !== undefined && /^\d{1,8}.$/.test(text) ? Number(text.slice(0, -1)) * unit : Number.POSITIVE_INFINITY;
}

/** grpc-message: percent-encoded UTF-8. */
function encodeMessage(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text;
  return Buffer.from(text, 'utf8').reduce(
    (out, byte) =>
      out +
      (byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`),
    '',
  );
}

/** A trailer's value as a header may have it: printable ASCII. */
function asHeader(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : value.replace(/[^\x20-\x7e]/g, '?');
}
