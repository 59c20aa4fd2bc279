/**
 * One call of a client: a stream that knows gRPC. Ends exactly once, by its trailers, a reset, a lost connection, its deadline or
 * whoever cancels it. A unary call waits for one message; a streaming one hands them on as they are read, and lets the peer
 * send more only then.
 */
import { MeshError } from '../errors.js';
import { Code } from './codes.js';
import type { Connection } from './connection.js';
import { errorOfHttp, errorOfReset, errorOfTrailers, headerOf, lost, plainHeaders } from './grpc-status.js';
import type { HeaderList } from './hpack-decoder.js';
import { MessageQueue } from './message-queue.js';
import { MessageReader } from './message-reader.js';
import { Stream } from './stream.js';

export interface CallOptions {
  /** ":path" of the method: "/plexus.v1.Embed/Embed". */
  path: string;
  /** Milliseconds since the epoch; Infinity for none. */
  deadlineMs: number;
  metadata: Readonly<Record<string, string>> | undefined;
  /** Bytes of the largest answer. */
  messageBytesMax: number;
}

/** What a call needs of its client. */
export interface CallOwner {
  /** Ends the stream on the wire as well, if it is there and the peer will stand another reset. */
  abandon(call: ClientCall, reason: MeshError): void;
  /** The peer never looked at the call: sends it once more. False where it has been already. */
  resend(call: ClientCall): boolean;
}

export type Trailers = Readonly<Record<string, string>>;
const NONE: Trailers = Object.freeze({});

export abstract class ClientCall extends Stream {
  readonly options: CallOptions;
  trailers: Trailers = NONE;
  /** Over for whoever made it. The stream may linger until the peer has heard. */
  over = false;
  /** It was sent a second time. */
  resent = false;
  /** When to look whether it still lingers; the deadline before that. Milliseconds since the epoch. */
  dueMs: number;
  connection: Connection | undefined;
  readonly #owner: CallOwner;
  readonly #reader: MessageReader;
  #httpStatus: string | undefined;

  constructor(owner: CallOwner, options: CallOptions) {
    super();
    this.#owner = owner;
    this.options = options;
    this.dueMs = options.deadlineMs;
    this.#reader = new MessageReader(options.messageBytesMax, (message) => {
      if (!this.over) this.onMessage(message);
    });
  }

  /** True where it can be sent again: nothing of it was taken from a source that is gone. */
  abstract readonly resendable: boolean;
  /** Sends the request, its headers having been sent. */
  abstract sendRequest(connection: Connection): void;
  protected abstract onMessage(message: Buffer): void;
  /** Called once; without an error the answer is complete. */
  protected abstract onOver(error: MeshError | undefined): void;
  /** Bytes arrived that are not yet credited to the peer. */
  protected abstract onReceived(bytes: number): void;

  /** Ends it from our side. No effect once it is over. */
  cancel(reason: MeshError): void {
    if (this.over) return;
    this.finish(reason);
    this.#owner.abandon(this, reason);
  }

  /** As it was before it was sent. */
  rewind(): void {
    this.id = 0;
    this.localEnded = false;
    this.remoteEnded = false;
    this.uncreditedBytes = 0;
    this.connection = undefined;
  }

  /** Over, once. */
  finish(error: MeshError | undefined): void {
    if (this.over) return;
    this.over = true;
    this.onOver(error);
  }

  onHeaders(list: HeaderList | undefined, end: boolean): void {
    if (this.over) return;
    if (!list) {
      this.#reject(new MeshError('UPSTREAM_INVALID', 'the instance sent more headers than are allowed'));
      return;
    }
    if (this.#httpStatus === undefined) {
      const status = headerOf(list, ':status');
      if (status === undefined) {
        this.#reject(new MeshError('UPSTREAM_INVALID', 'an answer without a status'));
        return;
      }
      if (!end) {
        if (status.startsWith('1')) return; // informational: the answer is still to come
        this.#httpStatus = status;
        if (status !== '200') {
          this.#reject(errorOfHttp(status));
          return;
        }
        if (!headerOf(list, 'content-type')?.startsWith('application/grpc')) {
          this.#reject(new MeshError('UPSTREAM_INVALID', 'the instance answered with something that is not gRPC'));
          return;
        }
        return;
      }
      this.#httpStatus = status; // the answer is its trailers
    } else if (!end) {
      this.#reject(new MeshError('UPSTREAM_INVALID', 'headers in the middle of an answer'));
      return;
    }
    this.trailers = plainHeaders(list);
    const error = errorOfTrailers(list, this.#httpStatus);
    const cut = error === undefined && this.#reader.partial;
    this.finish(cut ? new MeshError('UPSTREAM_INVALID', 'the answer ended in the middle of a message') : error);
    this.#hangUp();
  }

  onData(bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.over) {
      this.connection?.credit(this, end - start);
      return;
    }
    if (this.#httpStatus === undefined) {
      this.#reject(new MeshError('UPSTREAM_INVALID', 'the instance sent data before headers'));
      return;
    }
    this.onReceived(end - start);
    const wrong = this.#reader.push(bytes, start, end);
    if (wrong) {
      this.#reject(wrong);
      return;
    }
    if (last) {
      this.finish(errorOfHttp(this.#httpStatus));
      this.#hangUp();
    }
  }

  onReset(code: number): void {
    if (this.over) return;
    if (code === Code.REFUSED_STREAM && this.#httpStatus === undefined && this.#owner.resend(this)) return;
    this.finish(errorOfReset(code));
  }

  onLost(why: string, processed: boolean): void {
    if (this.over) return;
    if (!processed && this.#owner.resend(this)) return;
    this.finish(lost(why));
  }

  #reject(error: MeshError): void {
    this.finish(error);
    this.connection?.reset(this, Code.CANCEL);
  }

  /** The answer is complete: the peer need not hear the rest of the request. */
  #hangUp(): void {
    if (!this.localEnded) this.connection?.reset(this, Code.CANCEL);
  }
}

export class UnaryCall extends ClientCall {
  readonly resendable = true;
  readonly answer: Promise<{ response: Buffer; trailers: Trailers }>;
  readonly #request: Buffer;
  #response: Buffer | undefined;
  #resolve!: (answer: { response: Buffer; trailers: Trailers }) => void;
  #reject!: (error: MeshError) => void;

  constructor(owner: CallOwner, options: CallOptions, request: Buffer) {
    super(owner, options);
    this.#request = request;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  sendRequest(connection: Connection): void {
    connection.sender.message(this, this.#request, true);
  }

  protected onReceived(bytes: number): void {
    this.connection?.credit(this, bytes); // bounded by the largest message
  }

  protected onMessage(message: Buffer): void {
    if (this.#response) this.cancel(new MeshError('UPSTREAM_INVALID', 'the instance sent more than one message'));
    else this.#response = message;
  }

  protected onOver(error: MeshError | undefined): void {
    if (error) this.#reject(error);
    else if (this.#response) this.#resolve({ response: this.#response, trailers: this.trailers });
    else this.#reject(new MeshError('UPSTREAM_INVALID', 'the instance answered without a message'));
  }
}

export class StreamCall extends ClientCall {
  readonly messages: MessageQueue<Buffer>;
  readonly #request: Buffer | AsyncIterable<Buffer>;
  #source: AsyncIterator<Buffer> | undefined;
  #drained: (() => void) | undefined;
  #cut = false;

  /** `request`: one message, or where the messages come from. */
  constructor(owner: CallOwner, options: CallOptions, request: Buffer | AsyncIterable<Buffer>) {
    super(owner, options);
    this.#request = request;
    this.messages = new MessageQueue(
      (bytes) => this.connection?.credit(this, bytes),
      () => this.cancel(new MeshError('CANCELLED', 'the reader left')),
    );
  }

  get resendable(): boolean {
    return Buffer.isBuffer(this.#request);
  }

  override cancel(reason: MeshError): void {
    this.#cut = true; // whoever cancels has no use for what came before
    super.cancel(reason);
  }

  sendRequest(connection: Connection): void {
    if (Buffer.isBuffer(this.#request)) connection.sender.message(this, this.#request, true);
    else void this.#sendAll(connection, this.#request);
  }

  override onDrain(): void {
    this.#drained?.();
  }

  protected onReceived(bytes: number): void {
    this.messages.received(bytes);
  }

  protected onMessage(message: Buffer): void {
    this.messages.push(message);
  }

  protected onOver(error: MeshError | undefined): void {
    this.messages.end(error, this.#cut);
    this.#drained?.();
    void this.#source?.return?.()?.catch?.(() => {}); // whoever writes the requests may stop; what it throws then is nobody's
  }

  /** Sends the requests as they come, no faster than the peer takes them. */
  async #sendAll(connection: Connection, requests: AsyncIterable<Buffer>): Promise<void> {
    const source = requests[Symbol.asyncIterator]();
    this.#source = source;
    try {
      for (let next = await source.next(); !next.done && !this.over; next = await source.next()) {
        const gone = connection.sender.message(this, next.value, false);
        connection.sender.settle();
        if (gone) continue;
        await new Promise<void>((resolve) => {
          this.#drained = resolve;
        });
        this.#drained = undefined;
      }
      if (!this.over) connection.sender.end(this);
    } catch (error) {
      this.cancel(new MeshError('CANCELLED', 'the source of requests broke', { cause: error }));
    }
  }
}
