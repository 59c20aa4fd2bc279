/**
 * Calls to one address over one connection at a time. It opens the connection with the first call, backs off while the
 * address refuses, opens another when the peer says GOAWAY (the calls that the peer never looked at go there too), and keeps
 * deadlines with one timer for all calls.
 *
 * A reset costs the peer more than an answer nobody reads, and Node's nghttp2 closes a connection on which too many came. So
 * a call that is late lingers: the peer has the same deadline and ends it by itself within a moment. One that is cancelled
 * is reset while the connection's allowance lasts; after that its answer is thrown away when it comes.
 */
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../clock.js';
import { MeshError } from '../errors.js';
import type { TlsSettings } from '../tls.js';
import { type CallOptions, type CallOwner, type ClientCall, StreamCall, UnaryCall } from './client-call.js';
import { Code } from './codes.js';
import { Connection } from './connection.js';
import { lost } from './grpc-status.js';

export interface ClientOptions {
  tls: TlsSettings;
  clock: Clock;
  random: () => number;
  /** Bytes of the largest answer. */
  messageBytesMax: number;
}

export interface SendOptions {
  /** Milliseconds since the epoch; Infinity for none. */
  deadlineMs: number;
  metadata: Readonly<Record<string, string>> | undefined;
}

export interface Http2Client {
  /** Paths are ":path": "/plexus.v1.Embed/Embed". */
  unary(path: string, request: Buffer, options: SendOptions): UnaryCall;
  stream(path: string, request: Buffer | AsyncIterable<Buffer>, options: SendOptions): StreamCall;
  /** No new calls; the connection closes once those in flight have ended. */
  close(): void;
  readonly connected: boolean;
}

const CONNECT_MS = 5_000;
const BACKOFF_MS = 100;
const BACKOFF_MS_MAX = 2_000;
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 2_000;
const KEEPALIVE_MS_MAX = 300_000;
/** Calls that wait for a connection, or for the peer to take more of them. */
const WAITING_MAX = 1_000;
/** Resets one connection may send at once, and more a second; nghttp2 allows 1000 and 33. */
const RESETS_MAX = 900;
const RESETS_PER_SECOND = 25;
/** How long a late or cancelled call that was not reset may linger before it is looked at again. */
const LINGER_MS = 1_000;

type State =
  | { at: 'idle' }
  | { at: 'connecting'; cancel: () => void }
  | { at: 'ready'; connection: Connection; resets: number; resetsAtMs: number }
  | { at: 'failed'; untilMs: number; why: string }
  | { at: 'closed' };

export function createHttp2Client(address: string, options: ClientOptions): Http2Client {
  return new Client(address, options);
}

class Client implements Http2Client, CallOwner {
  readonly #address: string;
  readonly #options: ClientOptions;
  #state: State = { at: 'idle' };
  /** Connections that take no new calls but have some. */
  readonly #draining = new Set<Connection>();
  /** In the order they came. */
  #waiting: ClientCall[] = [];
  #backoffMs = BACKOFF_MS;
  #keepaliveMs = KEEPALIVE_MS;
  /** Header blocks by path; indices of the connection's own table. */
  #blocks = new Map<string, { bytes: Buffer; listBytes: number; inserted: number }>();
  #armedMs = Number.POSITIVE_INFINITY;
  #disarm = (): void => {};

  constructor(address: string, options: ClientOptions) {
    this.#address = address;
    this.#options = options;
  }

  get connected(): boolean {
    return this.#state.at === 'ready';
  }

  unary(path: string, request: Buffer, options: SendOptions): UnaryCall {
    const call = new UnaryCall(this, this.#callOptions(path, options), request);
    this.#start(call);
    return call;
  }

  stream(path: string, request: Buffer | AsyncIterable<Buffer>, options: SendOptions): StreamCall {
    const call = new StreamCall(this, this.#callOptions(path, options), request);
    this.#start(call);
    return call;
  }

  close(): void {
    const state = this.#state;
    this.#state = { at: 'closed' };
    if (state.at === 'ready') {
      this.#draining.add(state.connection);
      state.connection.close();
    } else if (state.at === 'connecting') state.cancel();
    this.#failWaiting('the channel was closed');
  }

  abandon(call: ClientCall, reason: MeshError): void {
    const { connection } = call;
    if (!connection) {
      this.#waiting = this.#waiting.filter((each) => each !== call);
      return;
    }
    if (reason.code !== 'DEADLINE_EXCEEDED' && this.#mayReset(connection)) connection.reset(call, Code.CANCEL);
    else this.#linger(call);
  }

  resend(call: ClientCall): boolean {
    if (call.resent || !call.resendable || this.#state.at === 'closed') return false;
    call.resent = true;
    call.rewind();
    this.#start(call);
    return true;
  }

  #callOptions(path: string, { deadlineMs, metadata }: SendOptions): CallOptions {
    return { path, deadlineMs, metadata, messageBytesMax: this.#options.messageBytesMax };
  }

  #start(call: ClientCall): void {
    const wrong = badMetadata(call.options.metadata);
    if (wrong) {
      call.finish(wrong);
      return;
    }
    if (call.options.deadlineMs !== Number.POSITIVE_INFINITY) this.#arm(call.dueMs);
    const state = this.#state;
    if (state.at === 'ready' && this.#waiting.length === 0 && state.connection.room > 0) {
      this.#send(call, state.connection);
      return;
    }
    if (state.at === 'closed') {
      call.finish(lost('the channel was closed'));
      return;
    }
    if (state.at === 'failed' && this.#options.clock.monotonic() < state.untilMs) {
      call.finish(lost(state.why));
      return;
    }
    if (this.#waiting.length >= WAITING_MAX) {
      call.finish(
        new MeshError('OVERLOADED', `${WAITING_MAX} calls wait for a connection to the instance; try again later`, {
          retryAfterMs: BACKOFF_MS,
        }),
      );
      return;
    }
    this.#waiting.push(call);
    if (state.at === 'idle' || state.at === 'failed') this.#connect();
  }

  #send(call: ClientCall, connection: Connection): void {
    const { encoder } = connection.sender;
    const { path, metadata, deadlineMs } = call.options;
    const timeout = timeoutOf(deadlineMs, this.#options.clock.now());
    if (timeout === undefined) {
      call.finish(new MeshError('DEADLINE_EXCEEDED', 'the deadline passed before the call was sent'));
      return;
    }
    if (connection.peerHeaderListBytesMax < 65_535 && listBytes(call.options) > connection.peerHeaderListBytesMax) {
      call.finish(new MeshError('MESSAGE_TOO_LARGE', 'the metadata is larger than max of the instance'));
      return;
    }
    encoder.begin();
    this.#writeConstants(path, connection.sender);
    if (timeout !== '') encoder.varying('grpc-timeout', timeout);
    if (metadata) for (const name in metadata) encoder.varying(name, metadata[name] as string);
    call.connection = connection;
    connection.add(call);
    connection.sender.headers(call, false);
    call.sendRequest(connection);
  }

  /** What is the same for every call of a method: written once, copied after that, until the table changes. */
  #writeConstants(path: string, { encoder }: Connection['sender']): void {
    const known = this.#blocks.get(path);
    if (known?.inserted === encoder.inserted) {
      encoder.copy(known.bytes, known.listBytes);
      return;
    }
    const { length: from, listBytes: before, inserted } = encoder;
    encoder.constant(':method', 'POST');
    encoder.constant(':scheme', isSecure(this.#options.tls) ? 'https' : 'http');
    encoder.constant(':path', path);
    encoder.constant(':authority', this.#address);
    encoder.constant('te', 'trailers');
    encoder.constant('content-type', 'application/grpc');
    encoder.constant('user-agent', 'grpc-node-plexus');
    encoder.constant('grpc-accept-encoding', 'identity');
    if (encoder.inserted !== inserted) return; // it adds entries: only the next block of its kind is all indices
    const bytes = Buffer.from(encoder.bytes.subarray(from, encoder.length));
    this.#blocks.set(path, { bytes, listBytes: encoder.listBytes - before, inserted }); // bounded by the methods of the contract
  }

  #connect(): void {
    const { clock, tls } = this.#options;
    this.#blocks.clear();
    let socket: Socket;
    try {
      socket = open(this.#address, tls);
    } catch (error) {
      this.#failed(String(error));
      return;
    }
    let connection: Connection | undefined;
    const give = (why: string): void => {
      cancelTimer();
      if (connection) connection.destroy(Code.NO_ERROR, why);
      socket.destroy();
      if (this.#state === connecting) this.#failed(why);
    };
    const cancelTimer = clock.after(CONNECT_MS, () => give(`no connection within ${CONNECT_MS} ms`));
    const connecting: State = { at: 'connecting', cancel: () => give('the channel was closed') };
    this.#state = connecting;
    const onFailure = (error: Error): void => give(error.message);
    socket.on('error', onFailure);
    socket.once(isSecure(tls) ? 'secureConnect' : 'connect', () => {
      if (this.#state !== connecting) return;
      if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') return give('the peer does not offer HTTP/2');
      socket.off('error', onFailure);
      connection = new Connection(
        socket,
        { role: 'client', clock, keepaliveMs: this.#keepaliveMs, keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS },
        {
          onReady: () => {
            if (this.#state !== connecting || !connection) return;
            cancelTimer();
            this.#backoffMs = BACKOFF_MS;
            this.#state = { at: 'ready', connection, resets: 0, resetsAtMs: clock.monotonic() };
            this.#sendWaiting();
          },
          onRoom: () => {
            if (this.#waiting.length > 0) this.#sendWaiting();
          },
          onGoaway: (code) => this.#onGoaway(connection, code),
          onClose: (why) => {
            if (connection) this.#draining.delete(connection);
            if (this.#state === connecting) return give(why);
            this.#leave(connection);
          },
        },
      );
    });
  }

  #onGoaway(connection: Connection | undefined, code: number): void {
    // What a peer says to whom pings it too often; the next connection is quieter.
    if (code === Code.ENHANCE_YOUR_CALM) this.#keepaliveMs = Math.min(this.#keepaliveMs * 2, KEEPALIVE_MS_MAX);
    if (!connection || this.#state.at !== 'ready' || this.#state.connection !== connection) return;
    this.#draining.add(connection);
    this.#leave(connection);
  }

  /** The connection takes no more calls: those that wait go to a new one. */
  #leave(connection: Connection | undefined): void {
    if (this.#state.at !== 'ready' || this.#state.connection !== connection) return;
    this.#state = { at: 'idle' };
    if (this.#waiting.length > 0) this.#connect();
  }

  #failed(why: string): void {
    const { clock, random } = this.#options;
    const waitMs = this.#backoffMs * (0.8 + random() * 0.4);
    this.#backoffMs = Math.min(this.#backoffMs * 1.6, BACKOFF_MS_MAX);
    if (this.#state.at !== 'closed') this.#state = { at: 'failed', untilMs: clock.monotonic() + waitMs, why };
    this.#failWaiting(why);
  }

  #failWaiting(why: string): void {
    for (const call of this.#waiting.splice(0)) call.finish(lost(why));
  }

  #sendWaiting(): void {
    const state = this.#state;
    if (state.at !== 'ready') return;
    while (this.#waiting.length > 0 && state.connection.room > 0)
      this.#send(this.#waiting.shift() as ClientCall, state.connection);
  }

  /** True where the peer will stand another reset; counts it. */
  #mayReset(connection: Connection): boolean {
    const state = this.#state;
    if (state.at !== 'ready' || state.connection !== connection) return true; // nobody's neighbours any more
    const nowMs = this.#options.clock.monotonic();
    state.resets = Math.max(0, state.resets - ((nowMs - state.resetsAtMs) / 1_000) * RESETS_PER_SECOND);
    state.resetsAtMs = nowMs;
    if (state.resets >= RESETS_MAX) return false;
    state.resets++;
    return true;
  }

  #linger(call: ClientCall): void {
    call.dueMs = this.#options.clock.now() + LINGER_MS;
    this.#arm(call.dueMs);
  }

  /** One timer for all calls: set anew only where one is due earlier. */
  #arm(dueMs: number): void {
    if (dueMs >= this.#armedMs) return;
    this.#disarm();
    this.#armedMs = dueMs;
    this.#disarm = this.#options.clock.after(dueMs - this.#options.clock.now(), () => this.#onDue());
  }

  #onDue(): void {
    this.#armedMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#options.clock.now();
    const late = new MeshError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready');
    let nextMs = Number.POSITIVE_INFINITY;
    const look = (call: ClientCall): void => {
      if (call.dueMs > nowMs) {
        nextMs = Math.min(nextMs, call.dueMs);
        return;
      }
      if (!call.over) call.cancel(late);
      else if (call.connection && this.#mayReset(call.connection)) call.connection.reset(call, Code.CANCEL);
      else this.#linger(call);
    };
    for (const call of [...this.#waiting]) look(call);
    const connections = [...this.#draining];
    if (this.#state.at === 'ready') connections.push(this.#state.connection);
    for (const { streams } of connections) for (const call of [...streams.values()]) look(call as ClientCall);
    if (Number.isFinite(nextMs)) this.#arm(nextMs);
  }
}

function isSecure(tls: TlsSettings): boolean {
  return tls.certFile !== '' || tls.caFile !== '';
}

function open(address: string, tls: TlsSettings): Socket {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port)) throw new Error(`${address} is not "host:port"`);
  if (!isSecure(tls)) return connectTcp({ host, port, noDelay: true });
  const read = (file: string): Buffer | undefined => (file ? readFileSync(file) : undefined);
  const socket = connectTls({
    host,
    port,
    ca: read(tls.caFile),
    cert: read(tls.certFile),
    key: read(tls.keyFile),
    ALPNProtocols: ['h2'],
    ...(isIP(host) === 0 && { servername: host }),
  });
  return socket.setNoDelay(true);
}

/** grpc-timeout for what is left: at most eight digits. '' for none, undefined where nothing is left. */
function timeoutOf(deadlineMs: number, nowMs: number): string | undefined {
  if (deadlineMs === Number.POSITIVE_INFINITY) return '';
  const leftMs = Math.ceil(deadlineMs - nowMs);
  if (leftMs <= 0) return undefined;
  return leftMs < 1e8 ? `${leftMs}m` : `${Math.min(Math.ceil(leftMs / 1_000), 99_999_999)}S`;
}

/** As SETTINGS_MAX_HEADER_LIST_SIZE counts, a little more than it is. */
function listBytes({ path, metadata }: CallOptions): number {
  let bytes = 512 + path.length;
  for (const name in metadata) bytes += name.length + (metadata[name] as string).length + 32;
  return bytes;
}

/** Header values are printable ASCII; anything else would reach the peer as something it was not, or break the stream. */
function badMetadata(metadata: Readonly<Record<string, string>> | undefined): MeshError | undefined {
  for (const name in metadata) {
    if (/^[\x20-\x7e]*$/.test(metadata[name] as string) && /^[0-9a-z_.-]+$/.test(name)) continue;
    return new MeshError('FIELD_INVALID', `metadata ${name}: names are lower case and values printable ASCII`);
  }
  return undefined;
}
