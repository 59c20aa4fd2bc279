/**
 * A gRPC server with everything a process of the mesh has: interceptors (outermost first below), health, reflection, limits,
 * keepalive, and a drain that always ends. Relies on implement.ts for the handlers.
 */
import { Server } from '@grpc/grpc-js';
import { type Clock, systemClock } from './clock.js';
import { createHealth, type Health } from './health.js';
import { createHttp2Server } from './http2/server.js';
import type { ServerRuntime, ServiceBinding } from './implement.js';
import { type Admission, createAdmission } from './interceptors/admit.js';
import type { Interceptor } from './interceptors/interceptor.js';
import { createLogInterceptor } from './interceptors/log.js';
import { createMetricsInterceptor } from './interceptors/metrics.js';
import { type Logger, silentLogger } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createReflection } from './reflection.js';
import { choice, integer, type Settings } from './settings.js';
import { plainText, serverCredentials, type TlsSettings } from './tls.js';

export const serverSettings = {
  messageBytesMax: integer({
    env: 'PLEXUS_MESSAGE_BYTES_MAX',
    unit: 'bytes',
    default: 32 * 2 ** 20,
    min: 1024,
    max: 512 * 2 ** 20,
    reason: 'Largest message accepted. 32 MiB lets a 10 MB text through to a check that names the field.',
  }),
  callsMax: integer({
    env: 'PLEXUS_CALLS_MAX',
    unit: 'count',
    default: 512,
    min: 1,
    max: 100_000,
    reason: 'Calls in flight in one process; the next is refused as OVERLOADED at once.',
  }),
  streamsMax: integer({
    env: 'PLEXUS_STREAMS_MAX',
    unit: 'count',
    default: 1_000,
    min: 1,
    max: 100_000,
    reason: 'Streams one connection may have open; grpc-js itself sets no limit.',
  }),
  defaultDeadlineMs: integer({
    env: 'PLEXUS_DEADLINE_MS',
    unit: 'ms',
    default: 60_000,
    min: 1,
    max: 86_400_000,
    reason: 'Deadline of calls that come without one, so that nothing waits for ever.',
  }),
  drainMs: integer({
    env: 'PLEXUS_DRAIN_MS',
    unit: 'ms',
    default: 10_000,
    min: 0,
    max: 600_000,
    reason: 'How long calls in flight may take after SIGTERM before they are cut.',
  }),
  transport: choice({
    env: 'PLEXUS_SERVER_TRANSPORT',
    choices: ['grpc-js', 'http2'],
    default: 'grpc-js',
    reason:
      'What answers on the gRPC port: grpc-js, or an HTTP/2 server made for many small calls. The latter takes no compressed messages.',
  }),
} as const;

export type ServerSettings = Settings<typeof serverSettings>;

export interface ServerOptions {
  services: readonly ServiceBinding[];
  /** "host:port"; port 0 picks a free one. */
  address: string;
  settings: ServerSettings;
  tls?: TlsSettings;
  clock?: Clock;
  log?: Logger;
  metrics?: Metrics;
  /** Further layers, inside the standard ones. */
  interceptors?: readonly Interceptor[];
}

export interface MeshServer {
  readonly health: Health;
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** Resolves with the port. */
  start(): Promise<number>;
  /** Not serving -> refuse new calls -> wait for those in flight up to `graceMs` -> cut the rest. Resolves with how many were cut. */
  drain(graceMs?: number): Promise<number>;
}

/** How long connections that were cut may take to be gone. */
const CUT_MS = 500;

export function createServer(options: ServerOptions): MeshServer {
  const { settings, clock = systemClock, log = silentLogger, metrics = createMetrics({ defaults: false }) } = options;
  const health = createHealth();
  const admission = createAdmission({ callsMax: settings.callsMax, clock });
  const interceptors: Interceptor[] = [
    createMetricsInterceptor(metrics, clock), // outermost: also counts what is refused below
    createLogInterceptor(clock), // one line a failure, with the cause that the caller never sees
    admission, // refuse at once what should not begin
    ...(options.interceptors ?? []),
  ];
  const services = [...options.services, health.binding];
  const bindings = [...services, ...createReflection(services.map(({ name }) => name))];
  const runtime: ServerRuntime = { clock, log, interceptors, defaultDeadlineMs: settings.defaultDeadlineMs };
  const { address, tls = plainText } = options;
  const wire = settings.transport === 'http2' ? overHttp2 : overGrpcJs;
  const server = wire({ bindings, runtime, address, tls, settings });

  return {
    health,
    admission,
    metrics,
    start: () => server.start(),
    drain(graceMs = settings.drainMs) {
      health.shutDown();
      admission.close();
      return new Promise((resolve) => {
        let cut = 0;
        // Before the wire's own timer of as long, which fires after it: once that has cut them there is nothing left to count.
        const cancelCount = clock.after(graceMs, () => {
          cut = admission.inFlight;
        });
        const { done, end } = server.drain(graceMs);
        const cancelLimit = clock.after(graceMs + CUT_MS, () => {
          end();
          resolve(cut);
        });
        void done.then(() => {
          cancelCount();
          cancelLimit();
          resolve(cut);
        });
      });
    },
  };
}

interface WireOptions {
  bindings: readonly ServiceBinding[];
  runtime: ServerRuntime;
  address: string;
  tls: TlsSettings;
  settings: ServerSettings;
}

/** What listens, whichever it is. */
interface Wire {
  /** Resolves with the port. */
  start(): Promise<number>;
  /** Takes no new calls; cuts those that are left after `graceMs`. `done` once all connections are gone; `end` stops waiting. */
  drain(graceMs: number): { done: Promise<void>; end(): void };
}

function overHttp2({ bindings, runtime, address, tls, settings }: WireOptions): Wire {
  const { clock } = runtime;
  const server = createHttp2Server({
    address,
    routes: bindings.flatMap((binding) => binding.routes(runtime)),
    tls,
    clock,
    streamsMax: settings.streamsMax,
    messageBytesMax: settings.messageBytesMax,
  });
  return {
    start: () => server.start(),
    drain(graceMs) {
      const { done, cut } = server.drain();
      const cancel = clock.after(graceMs + 1, cut);
      void done.then(cancel);
      return { done, end: cut };
    },
  };
}

function overGrpcJs({ bindings, runtime, address, tls, settings }: WireOptions): Wire {
  const server = new Server({
    'grpc.max_receive_message_length': settings.messageBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': settings.streamsMax,
    'grpc.keepalive_time_ms': 30_000, // a silent peer is found and its sockets freed
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.enable_channelz': 0, // costs memory per call and nobody reads it
  });
  for (const binding of bindings) server.addService(binding.definition, binding.bind(runtime));
  let bound: string | undefined;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.bindAsync(address, serverCredentials(tls), (error, port) => {
          if (error) return reject(error);
          bound = `${address.slice(0, address.lastIndexOf(':'))}:${port}`;
          resolve(port);
        });
      }),
    drain(graceMs) {
      // With channelz off, forceShutdown of grpc-js 1.14 knows no sessions and cuts nothing; drain() does, at the end of the grace.
      if (bound) server.drain(bound, graceMs + 1);
      return {
        done: new Promise((resolve) => server.tryShutdown(() => resolve())),
        end: () => server.forceShutdown(),
      };
    },
  };
}
