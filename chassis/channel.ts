/**
 * A client channel to one address: promises and async iterables over grpc-js, with a deadline and an AbortSignal on every
 * call and MeshErrors out. One channel is one connection (a subchannel pool of its own), so that whoever pools channels
 * decides how many connections an instance gets. Must be closed: grpc-js never collects an open one.
 */
import {
  type CallOptions,
  Client,
  connectivityState,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { abortReason, MeshError } from './errors.js';
import { LOAD_REPORT_KEY } from './load-report.js';
import { fromServiceError } from './status.js';
import { channelCredentials, plainText, type TlsSettings } from './tls.js';

/** What a call needs to know of a method; generated definitions and `asBytes` both fit. */
export type Method<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>;

export interface CallSettings {
  /** Milliseconds since the epoch; Infinity for none. */
  deadlineMs: number;
  signal?: AbortSignal | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  /** Streams: called with the trailers (string values) when the stream ends. Unary calls return theirs. */
  onTrailers?: (trailers: Readonly<Record<string, string>>) => void;
}

export interface Answer<Response> {
  response: Response;
  /** Trailers, string values only, and the load report as base64. */
  trailers: Readonly<Record<string, string>>;
}

export interface Channel {
  readonly address: string;
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    settings: CallSettings,
  ): Promise<Answer<Response>>;
  /** Server streaming. The iterator must be run to its end or returned; leaving it cancels the call. */
  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    settings: CallSettings,
  ): AsyncIterable<Response>;
  bidi<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    settings: CallSettings,
  ): AsyncIterable<Response>;
  /** True where the connection is up. */
  readonly connected: boolean;
  close(): void;
}

export interface ChannelOptions {
  tls?: TlsSettings;
  /** Bytes of the largest answer. Default 64 MiB. */
  messageBytesMax?: number;
}

export function createChannel(address: string, options: ChannelOptions = {}): Channel {
  const client = new Client(address, channelCredentials(options.tls ?? plainText), {
    'grpc.max_receive_message_length': options.messageBytesMax ?? 64 * 2 ** 20,
    'grpc.max_send_message_length': -1,
    'grpc.use_local_subchannel_pool': 1, // its own connection: resets of one pool never hurt another's calls
    'grpc.keepalive_time_ms': 10_000, // grpc-js keeps keepalive off; a black-holed peer would only show in deadlines
    'grpc.keepalive_timeout_ms': 2_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000, // an instance that came back is used within seconds
    'grpc.enable_retries': 0, // retries are ours, with a budget, on another instance
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
  });
  return {
    address,
    unary: (method, request, settings) => unary(client, method, request, settings),
    serverStream: (method, request, settings) =>
      received(
        client.makeServerStreamRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadataOf(settings),
          optionsOf(settings),
        ),
        settings,
      ),
    bidi(method, requests, settings) {
      const call = client.makeBidiStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        metadataOf(settings),
        optionsOf(settings),
      );
      void send(call, requests);
      return received(call, settings);
    },
    get connected() {
      return client.getChannel().getConnectivityState(false) === connectivityState.READY;
    },
    close: () => client.close(),
  };
}

function unary<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
  settings: CallSettings,
): Promise<Answer<Response>> {
  return new Promise((resolve, reject) => {
    const { signal } = settings;
    if (signal?.aborted) return reject(abortReason(signal));
    let received: Response | undefined;
    const onAbort = (): void => call.cancel();
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(settings),
      optionsOf(settings),
      (error, response) => {
        signal?.removeEventListener('abort', onAbort);
        if (error) reject(signal?.aborted ? abortReason(signal) : fromServiceError(error));
        else if (response === undefined)
          reject(new MeshError('UPSTREAM_INVALID', 'the instance answered without a message'));
        else received = response;
      },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    // grpc-js calls back first, then emits the status, in the same turn; for an error the promise is settled already.
    call.on('status', ({ metadata }) => resolve({ response: received as Response, trailers: plain(metadata) }));
  });
}

interface Received<Response> extends AsyncIterable<Response> {
  cancel(): void;
  on(event: 'error', listener: (error: ServiceError) => void): unknown;
  on(event: 'status', listener: (status: { metadata: Metadata }) => void): unknown;
}

async function* received<Response>(
  call: Received<Response>,
  { signal, onTrailers }: CallSettings,
): AsyncGenerator<Response> {
  const onAbort = (): void => call.cancel();
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (onTrailers) call.on('status', ({ metadata }) => onTrailers(plain(metadata)));
  call.on('error', () => {}); // also thrown by the iterator below; without a listener an early one would end the process
  try {
    yield* call;
  } catch (error) {
    throw signal?.aborted ? abortReason(signal) : fromServiceError(error as ServiceError);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    call.cancel(); // no effect on a call that has ended; stops one whose reader left
  }
}

async function send<Request>(
  call: {
    write(request: Request): boolean;
    end(): void;
    once(event: string, listener: () => void): unknown;
    removeListener(event: string, listener: () => void): unknown;
    cancel(): void;
  },
  requests: AsyncIterable<Request>,
): Promise<void> {
  try {
    for await (const request of requests) {
      if (!call.write(request)) {
        await new Promise<void>((resolve) => {
          const events = ['drain', 'close', 'error'];
          const go = (): void => {
            for (const event of events) call.removeListener(event, go); // one wait, one set of listeners
            resolve();
          };
          for (const event of events) call.once(event, go);
        });
      }
    }
    call.end();
  } catch {
    call.cancel(); // the source of requests broke: the reader sees CANCELLED
  }
}

function metadataOf({ metadata }: CallSettings): Metadata {
  const made = new Metadata();
  if (metadata) for (const [key, value] of Object.entries(metadata)) made.set(key, value);
  return made;
}

function optionsOf({ deadlineMs }: CallSettings): CallOptions {
  // Beyond ~597 h grpc-timeout overflows into an immediate DEADLINE_EXCEEDED.
  return Number.isFinite(deadlineMs) && deadlineMs - Date.now() < 86_400_000 ? { deadline: deadlineMs } : {};
}

function plain(metadata: Metadata): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata.getMap())) {
    if (typeof value === 'string') found[key] = value;
    else if (key === LOAD_REPORT_KEY) found[key] = value.toString('base64');
  }
  return found;
}
