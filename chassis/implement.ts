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
import { CRITICALITY_KEY, criticalityOf, TENANT_KEY, tenantOf } from './caller.js';
import type { Clock } from './clock.js';
import { strictDecode } from './codec.js';
import { createDeadline } from './deadline.js';
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
  bind(runtime: ServerRuntime): UntypedServiceImplementation;
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
        const handler = handlers[key] as never;
        if (!handler) throw new Error(`${name} has no handler for ${key}`);
        const path = method.path.slice(1);
        const own = options.endless?.includes(key)
          ? { ...runtime, defaultDeadlineMs: Number.POSITIVE_INFINITY }
          : runtime;
        if (method.requestStream && method.responseStream) bound[key] = bidi(path, handler, own);
        else if (method.requestStream) bound[key] = clientStream(path, handler, own);
        else if (method.responseStream) bound[key] = serverStream(path, handler, own);
        else bound[key] = unary(path, handler, own);
      }
      return bound as UntypedServiceImplementation;
    },
  };
}

type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerReadableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

function unary(
  path: string,
  handler: (request: unknown, context: CallContext) => unknown,
  runtime: ServerRuntime,
): unknown {
  return (
    call: ServerUnaryCall<unknown, unknown>,
    callback: (error: object | null, response?: unknown, trailer?: Metadata) => void,
  ) => {
    void around(path, call, runtime, async (context) => handler(checked(call.request), context)).then(
      ({ result, error, trailers }) => {
        if (error) callback(withTrailers(error, trailers));
        else callback(null, result, trailers);
      },
    );
  };
}

function clientStream(
  path: string,
  handler: (requests: AsyncIterable<unknown>, context: CallContext) => Promise<unknown>,
  runtime: ServerRuntime,
): unknown {
  return (
    call: ServerReadableStream<unknown, unknown>,
    callback: (error: object | null, response?: unknown, trailer?: Metadata) => void,
  ) => {
    void around(path, call, runtime, (context) => handler(checkedAll(call), context)).then(
      ({ result, error, trailers }) => {
        if (error) callback(withTrailers(error, trailers));
        else callback(null, result, trailers);
      },
    );
  };
}

function serverStream(
  path: string,
  handler: (request: unknown, context: CallContext) => AsyncIterable<unknown>,
  runtime: ServerRuntime,
): unknown {
  return (call: ServerWritableStream<unknown, unknown>) => {
    void around(path, call, runtime, (context) => pump(call, handler(checked(call.request), context), context)).then(
      (outcome) => finish(call, outcome),
    );
  };
}

function bidi(
  path: string,
  handler: (requests: AsyncIterable<unknown>, context: CallContext) => AsyncIterable<unknown>,
  runtime: ServerRuntime,
): unknown {
  return (call: ServerDuplexStream<unknown, unknown>) => {
    void around(path, call, runtime, (context) => pump(call, handler(checkedAll(call), context), context)).then(
      (outcome) => finish(call, outcome),
    );
  };
}

interface Outcome {
  result?: unknown;
  error?: MeshError;
  trailers: Metadata;
}

/** Context, interceptors and error conversion around the handler of any kind. Never rejects. */
async function around(
  path: string,
  call: AnyCall,
  runtime: ServerRuntime,
  run: (context: CallContext) => unknown,
): Promise<Outcome> {
  const trailers = new Metadata();
  const metadata = plainMetadata(call.metadata);
  const requestId = metadata.get('x-request-id') ?? randomUUID();
  trailers.set('x-request-id', requestId);
  const given = call.getDeadline();
  const atMs = given instanceof Date ? given.getTime() : given;
  const hangUp = new AbortController();
  const deadline = createDeadline(
    runtime.clock,
    Number.isFinite(atMs) ? atMs : runtime.clock.now() + runtime.defaultDeadlineMs,
    hangUp.signal,
  );
  let over = false;
  (call as NodeJS.EventEmitter).once('cancelled', () => {
    // grpc-js says so at the end of every call; an error and an abort for each would cost a tenth of a hop.
    if (!over) hangUp.abort(new MeshError('CANCELLED', 'the caller went away'));
  });
  if (call.cancelled) hangUp.abort(new MeshError('CANCELLED', 'the caller went away'));
  const context: CallContext = {
    method: path,
    signal: deadline.signal,
    deadlineMs: deadline.atMs,
    requestId,
    traceparent: metadata.get('traceparent'),
    tenant: tenantOf(metadata.get(TENANT_KEY)),
    criticality: criticalityOf(metadata.get(CRITICALITY_KEY)),
    metadata,
    log: runtime.log,
    setTrailer: (key, value) => trailers.set(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value),
  };
  const ends: ((error: MeshError | undefined) => void)[] = [];
  let outcome: Outcome;
  try {
    for (const interceptor of runtime.interceptors) ends.push(interceptor.begin(context));
    outcome = { result: await run(context), trailers };
  } catch (thrown) {
    outcome = { error: toMeshError(thrown), trailers };
  }
  over = true;
  deadline.dispose();
  for (const end of ends.reverse()) end(outcome.error);
  return outcome;
}

/** Writes what the handler yields, no faster than the caller reads, until it ends or the call does. */
async function pump(
  call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  responses: AsyncIterable<unknown>,
  context: CallContext,
): Promise<void> {
  for await (const response of responses) {
    if (context.signal.aborted) throw context.signal.reason;
    if (!call.write(response)) await drained(call, context.signal);
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

function finish(
  call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  { error, trailers }: Outcome,
): void {
  if (error) call.emit('error', withTrailers(error, trailers));
  else call.end(trailers);
}

function withTrailers(error: MeshError, trailers: Metadata): object {
  const status = toStatus(error);
  status.metadata.merge(trailers);
  return status;
}

function checked(request: unknown): unknown {
  if (request instanceof MeshError) throw request;
  return request;
}

/** The requests of a stream. Plain `for await` over the call would destroy it at their end, its unwritten answers with it. */
async function* checkedAll(call: Readable): AsyncGenerator<unknown> {
  for await (const request of call.iterator({ destroyOnReturn: false })) yield checked(request);
}

function plainMetadata(metadata: Metadata): Map<string, string> {
  const plain = new Map<string, string>();
  for (const [key, value] of Object.entries(metadata.getMap())) if (typeof value === 'string') plain.set(key, value);
  return plain;
}
