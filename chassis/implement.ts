/**
 * Plain async functions -> grpc-js handlers. A handler takes a decoded request and a CallContext and returns (or yields) plain
 * responses; a wrong field does not compile. Here, once for all four call kinds: deadlines and cancellation become one
 * AbortSignal, errors become a status with details, interceptors run outermost first, back-pressure is honoured.
 */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type Definitions, definition } from '../protos/index.js';
import type { CallContext } from './call.js';
import { CRITICALITY_KEY, type Criticality, criticalityOf, TENANT_KEY, tenantOf } from './caller.js';
import type { Clock } from './clock.js';
import { strictDecode } from './codec.js';
import { Ending } from './ending.js';
import { MeshError } from './errors.js';
import type { Interceptor } from './interceptors/interceptor.js';
import type { Logger } from './log.js';
import { toMeshError, toStatus } from './status.js';

/** The handler of one method, by the kind of the generated grpc-js handler. */
type Handler<H> =
  H extends handleUnaryCall<infer Request, infer Response>
    ? (request: Request, context: CallContext) => Promise<Response> | Response
    : H extends handleClientStreamingCall<infer Request, infer Response>
      ? (requests: AsyncIterable<Request>, context: CallContext) => Promise<Response>
      : H extends handleServerStreamingCall<infer Request, infer Response>
        ? (request: Request, context: CallContext) => AsyncIterable<Response>
        : H extends handleBidiStreamingCall<infer Request, infer Response>
          ? (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Response>
          : never;

/** Plain handlers for a generated `…Handlers` interface (its index signature left out). */
export type Handlers<Generated> = {
  [Method in keyof Generated as string extends Method ? never : Method]: Handler<Generated[Method]>;
};

/** Hand-written codecs for hot messages, by method; same bytes as the proto says, faster. */
export type Codecs = Readonly<
  Record<string, Partial<Pick<MethodDefinition<unknown, unknown>, 'requestDeserialize' | 'responseSerialize'>>>
>;

export interface ImplementOptions {
  codecs?: Codecs;
  /** Methods that run until the caller leaves (watches): they get no default deadline. */
  endless?: readonly string[];
}

/** A service ready to be added to a server. */
export interface ServiceBinding {
  /** Full name: "plexus.v1.Embed". */
  readonly name: string;
  readonly definition: ServiceDefinition;
  /** Handlers for grpc-js. */
  bind(runtime: ServerRuntime): UntypedServiceImplementation;
  /** The same for a server of our own. */
  routes(runtime: ServerRuntime): Route[];
}

/** A call as a transport hands it in. */
export interface Incoming {
  /** Last value of each key, keys in lower case. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Milliseconds since the epoch; Infinity for none. */
  readonly deadlineMs: number;
  /** Calls `listener` when the caller goes away, at once where it has. */
  onGone(listener: () => void): void;
}

/** Where the responses of a stream go. */
export interface Sink {
  /** False where the caller reads too slowly: wait for `drained`. */
  write(response: unknown): boolean;
  /** Rejects with the signal's reason as soon as it aborts. */
  drained(signal: AbortSignal): Promise<void>;
}

/** How a call ended: a response (undefined for a stream), or an error. */
export interface Outcome {
  result?: unknown;
  error?: MeshError;
  trailers: Readonly<Record<string, string>>;
}

/** A method that can be served. */
export interface Route {
  /** ":path": "/plexus.v1.Embed/Embed". */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  decode(bytes: Buffer): unknown;
  encode(response: unknown): Buffer;
  /** `input` is what `decode` made of the request, or all of them. Never rejects. `sink` for methods that answer with a stream. */
  serve(input: unknown, incoming: Incoming, sink: Sink | undefined): Promise<Outcome>;
}

/** What a server gives to the handlers it runs. */
export interface ServerRuntime {
  readonly clock: Clock;
  readonly log: Logger;
  /** Outermost first. */
  readonly interceptors: readonly Interceptor[];
  /** For calls that come without a deadline. */
  readonly defaultDeadlineMs: number;
}

/** Binds plain handlers to a service of the contract. */
export function implement<Generated>(
  name: keyof Definitions,
  handlers: Handlers<Generated>,
  options: ImplementOptions = {},
): ServiceBinding {
  return implementDefinition(name, definition(name) as unknown as ServiceDefinition, handlers as never, options);
}

/** The untyped form, for services that are described rather than generated (the gateway's pass-through routes). */
export function implementDefinition(
  name: string,
  service: ServiceDefinition,
  handlers: Readonly<Record<string, (input: never, context: CallContext) => unknown>>,
  options: ImplementOptions = {},
): ServiceBinding {
  const strict: Record<string, MethodDefinition<unknown, unknown>> = {};
  for (const [key, method] of Object.entries(service) as [string, MethodDefinition<unknown, unknown>][]) {
    const merged = { ...method, ...options.codecs?.[key] };
    strict[key] = { ...merged, requestDeserialize: strictDecode(merged.requestDeserialize) };
  }
  return {
    name,
    definition: strict as ServiceDefinition,
    bind(runtime) {
      const bound: Record<string, unknown> = {};
      for (const [key, method] of Object.entries(strict)) {
        const route = routeOf(key, method, runtime);
        if (route.responseStream) bound[key] = streaming(route);
        else bound[key] = single(route);
      }
      return bound as UntypedServiceImplementation;
    },
    routes: (runtime) => Object.entries(strict).map(([key, method]) => routeOf(key, method, runtime)),
  };

  function routeOf(key: string, method: MethodDefinition<unknown, unknown>, runtime: ServerRuntime): Route {
    const handler = handlers[key] as ((input: unknown, context: CallContext) => unknown) | undefined;
    if (!handler) throw new Error(`${name} has no handler for ${key}`);
    const own = options.endless?.includes(key) ? { ...runtime, defaultDeadlineMs: Number.POSITIVE_INFINITY } : runtime;
    const { path, requestStream, responseStream } = method;
    const ask = requestStream
      ? (input: unknown, context: CallContext) => handler(checkedAll(input as AsyncIterable<unknown>), context)
      : (input: unknown, context: CallContext) => handler(checked(input), context);
    return {
      path,
      requestStream,
      responseStream,
      decode: method.requestDeserialize,
      encode: method.responseSerialize,
      serve: (input, incoming, sink) =>
        around(path.slice(1), incoming, own, (context) =>
          sink ? pump(sink, ask(input, context) as AsyncIterable<unknown>, context) : ask(input, context),
        ),
    };
  }
}

type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** One response: unary and client streams. */
function single(route: Route): unknown {
  return (
    call: ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>,
    callback: (error: object | null, response?: unknown, trailer?: Metadata) => void,
  ) => {
    const input = route.requestStream
      ? requestsOf(call as Readable)
      : (call as ServerUnaryCall<unknown, unknown>).request;
    void route.serve(input, incomingOf(call), undefined).then(({ result, error, trailers }) => {
      if (error) callback(withTrailers(error, trailers));
      else callback(null, result, metadataOf(trailers));
    });
  };
}

/** A stream of responses: server and both-way streams. */
function streaming(route: Route): unknown {
  return (call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>) => {
    const input = route.requestStream
      ? requestsOf(call as unknown as Readable)
      : (call as ServerWritableStream<unknown, unknown>).request;
    const sink: Sink = {
      write: (response) => call.write(response),
      drained: (signal) => drained(call, signal),
    };
    void route.serve(input, incomingOf(call), sink).then(({ error, trailers }) => {
      if (error) call.emit('error', withTrailers(error, trailers));
      else call.end(metadataOf(trailers));
    });
  };
}

function incomingOf(call: AnyCall): Incoming {
  const given = call.getDeadline();
  return {
    metadata: plainMetadata(call.metadata),
    deadlineMs: given instanceof Date ? given.getTime() : given,
    onGone(listener) {
      (call as NodeJS.EventEmitter).once('cancelled', listener);
      if (call.cancelled) listener();
    },
  };
}

/** Context, interceptors and error conversion around the handler of any kind. Never rejects. */
async function around(
  path: string,
  incoming: Incoming,
  runtime: ServerRuntime,
  run: (context: CallContext) => unknown,
): Promise<Outcome> {
  const context = new Context(path, incoming, runtime);
  const { ending, trailers } = context;
  const { clock, interceptors } = runtime;
  const cancelTimer = Number.isFinite(context.deadlineMs)
    ? clock.after(context.deadlineMs - clock.now(), () =>
        ending.end(new MeshError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready')),
      )
    : undefined;
  let over = false;
  incoming.onGone(() => {
    // grpc-js says so at the end of every call; an error and an abort for each would cost a tenth of a hop.
    if (!over) ending.end(new MeshError('CANCELLED', 'the caller went away'));
  });
  const ends: ((error: MeshError | undefined) => void)[] = [];
  let outcome: Outcome;
  try {
    for (const interceptor of interceptors) ends.push(interceptor.begin(context));
    outcome = { result: await run(context), trailers };
  } catch (thrown) {
    outcome = { error: toMeshError(thrown), trailers };
  }
  over = true;
  cancelTimer?.();
  for (let at = ends.length - 1; at >= 0; at--) if (!interceptors[at]?.onlooker) ends[at]?.(outcome.error);
  process.nextTick(tellOnlookers, interceptors, ends, outcome.error); // once the answer is on its way
  return outcome;
}

function tellOnlookers(
  interceptors: readonly Interceptor[],
  ends: readonly ((error: MeshError | undefined) => void)[],
  error: MeshError | undefined,
): void {
  for (let at = ends.length - 1; at >= 0; at--) if (interceptors[at]?.onlooker) ends[at]?.(error);
}

/** A class, since one is made for every call, and its signal only where somebody asks. */
class Context implements CallContext {
  readonly method: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly deadlineMs: number;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly tenant: string;
  readonly criticality: Criticality;
  readonly log: Logger;
  readonly trailers: Record<string, string>;
  readonly #ending = new Ending();

  constructor(method: string, { metadata, deadlineMs }: Incoming, runtime: ServerRuntime) {
    this.method = method;
    this.metadata = metadata;
    this.deadlineMs = Number.isFinite(deadlineMs) ? deadlineMs : runtime.clock.now() + runtime.defaultDeadlineMs;
    this.requestId = metadata.get('x-request-id') ?? randomUUID();
    this.traceparent = metadata.get('traceparent');
    this.tenant = tenantOf(metadata.get(TENANT_KEY));
    this.criticality = criticalityOf(metadata.get(CRITICALITY_KEY));
    this.log = runtime.log;
    this.trailers = { 'x-request-id': this.requestId };
  }

  // Accessors: a context that is copied with another signal must not keep this one's end.
  get ending(): Ending {
    return this.#ending;
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  // Bound: handlers take it out of the context.
  readonly setTrailer = (key: string, value: string): void => {
    this.trailers[key] = value;
  };
}

/** Writes what the handler yields, no faster than the caller reads, until it ends or the call does. */
async function pump(sink: Sink, responses: AsyncIterable<unknown>, context: CallContext): Promise<void> {
  for await (const response of responses) {
    if (context.signal.aborted) throw context.signal.reason;
    if (!sink.write(response)) await sink.drained(context.signal);
  }
}

function drained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = (): void => {
      call.removeListener('drain', onDrain);
      reject(signal.reason);
    };
    call.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function withTrailers(error: MeshError, trailers: Readonly<Record<string, string>>): object {
  const status = toStatus(error);
  for (const key in trailers) status.metadata.set(key, grpcValue(key, trailers[key] as string));
  return status;
}

function metadataOf(trailers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const key in trailers) metadata.set(key, grpcValue(key, trailers[key] as string));
  return metadata;
}

/** As grpc-js wants it: bytes where we have base64. */
function grpcValue(key: string, value: string): string | Buffer {
  return key.endsWith('-bin') ? Buffer.from(value, 'base64') : value;
}

function checked(request: unknown): unknown {
  if (request instanceof MeshError) throw request;
  return request;
}

async function* checkedAll(requests: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const request of requests) yield checked(request);
}

/** The requests of a stream. Plain `for await` over the call would destroy it at their end, its unwritten answers with it. */
function requestsOf(call: Readable): AsyncIterable<unknown> {
  return call.iterator({ destroyOnReturn: false });
}

function plainMetadata(metadata: Metadata): Map<string, string> {
  const plain = new Map<string, string>();
  for (const [key, value] of Object.entries(metadata.getMap())) if (typeof value === 'string') plain.set(key, value);
  return plain;
}
