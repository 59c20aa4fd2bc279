/**
 * The gateway as a process part: upstream, capability routes, pipelines, gRPC and HTTP servers, health, and its own place in
 * the registry. Ordered start, ordered stop: it leaves the registry first, then refuses new calls and lets those in flight
 * end, then closes its connections. It serves on while the registry is away, with the instances it last knew.
 */
import { join } from 'node:path';
import type { Clock } from '../chassis/clock.js';
import type { Interceptor } from '../chassis/interceptors/interceptor.js';
import { createLogInterceptor } from '../chassis/interceptors/log.js';
import { createMetricsInterceptor } from '../chassis/interceptors/metrics.js';
import { createLifecycle } from '../chassis/lifecycle.js';
import type { Logger } from '../chassis/log.js';
import { createMetrics } from '../chassis/metrics.js';
import { advertisedAddress, plexusVersion } from '../chassis/process.js';
import { createServer, type ServerSettings } from '../chassis/server.js';
import { plainText, type TlsSettings } from '../chassis/tls.js';
import { packageRoot } from '../protos/index.js';
import {
  CAPABILITIES,
  type Capability,
  OPTIONAL_CAPABILITIES,
  type Registration,
  type Registry,
} from '../registry/index.js';
import { createCapabilityServices, createModelsService, createOpenInferenceService } from './api/index.js';
import { createHttpServer } from './http/index.js';
import { createLibrary, createPipelinesService, openFolder, type PipelineFolder } from './pipeline/index.js';
import type { GatewaySettings } from './settings.js';
import { createUpstream, serviceName, type UpstreamSettings } from './upstream/index.js';

export interface GatewayOptions {
  settings: {
    server: ServerSettings;
    gateway: GatewaySettings;
    upstream: UpstreamSettings;
    /** Default: plain text. */
    tls?: TlsSettings;
  };
  registry: Registry;
  log: Logger;
  clock: Clock;
  /** "host:port" of the gRPC server; port 0 picks a free one. */
  address: string;
  /** "host:port" of the HTTP server. */
  httpAddress: string;
  /** Id in the registry: "gateway-1". */
  instance: string;
  /** "host:port" under which others reach the gRPC server, as PLEXUS_ADVERTISE has it. Default: `address` with the real port. */
  advertise?: string;
  /** Where it runs, as others know it. */
  zone?: string;
  /** Also collects Node's own metrics; off where many servers share a process. */
  processMetrics?: boolean;
}

/** A gateway that answers. */
export interface Gateway {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Leaves the registry, drains, closes. Safe to call more than once. */
  stop(): Promise<void>;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, registry, log, clock } = options;
  const tls = settings.tls ?? plainText;
  const metrics = createMetrics({ defaults: options.processMetrics ?? false });
  const upstream = createUpstream({ registry, settings: settings.upstream, clock, random: Math.random, tls, metrics });
  const library = createLibrary();
  const services = [
    ...createCapabilityServices(upstream),
    createModelsService(upstream),
    createOpenInferenceService(upstream),
    createPipelinesService({ library, upstream, clock }),
  ];
  const server = createServer({
    services,
    address: options.address,
    settings: settings.server,
    tls,
    clock,
    log,
    metrics,
  });
  const interceptors: Interceptor[] = [
    createMetricsInterceptor(metrics, clock),
    createLogInterceptor(clock),
    server.admission,
  ];
  const everything = registry.watch('');
  const given = new AbortController();
  let registryAnswered = false;
  let draining = false;
  let folder: PipelineFolder | undefined;
  let registration: Registration | undefined;
  let grpcPort = 0;
  let httpPort = 0;
  const http = createHttpServer({
    services,
    runtime: { clock, log, interceptors, defaultDeadlineMs: settings.server.defaultDeadlineMs },
    settings: settings.gateway,
    bodyBytesMax: settings.server.messageBytesMax,
    sources: {
      instances: (capability) => upstream.instances(capability),
      registryAnswered: () => registryAnswered,
      draining: () => draining,
    },
    capabilities: () => upstream.capabilities(),
    metrics,
    clock,
    log,
    version: plexusVersion,
    tls,
  });

  const lifecycle = createLifecycle(
    [
      { name: 'upstream', stop: () => upstream.close() },
      {
        name: 'pipelines',
        start() {
          const path = settings.gateway.pipelinesPath || join(packageRoot, 'pipelines');
          folder = openFolder({ path, library, log, clock, watch: settings.gateway.pipelinesWatch });
        },
        stop: () => folder?.close(),
      },
      {
        name: 'http',
        async start() {
          httpPort = await http.start(options.httpAddress);
        },
        stop: () => http.stop(settings.server.drainMs),
      },
      {
        name: 'grpc',
        async start() {
          grpcPort = await server.start();
        },
        stop: async () => void (await server.drain()),
      },
      {
        name: 'health',
        start() {
          server.health.set('plexus.v1.Pipelines', 'SERVING');
          server.health.set('plexus.v1.Models', 'SERVING');
          server.health.set('inference.GRPCInferenceService', 'SERVING');
          const tell = (capability: Capability, known: boolean): void =>
            server.health.set(serviceName(capability), known ? 'SERVING' : 'NOT_SERVING', {
              optional: OPTIONAL_CAPABILITIES.includes(capability),
            });
          for (const capability of CAPABILITIES) tell(capability, false);
          void everything.ready(given.signal).then(
            () => {
              registryAnswered = true;
            },
            () => {}, // stopped before the registry answered
          );
          everything.onChange((instances) => {
            for (const capability of CAPABILITIES) {
              const known = instances.some((instance) => instance.capability === capability);
              tell(capability, known);
            }
          });
        },
        stop() {
          given.abort();
          everything.close();
        },
      },
      {
        name: 'registration',
        async start() {
          const address = advertisedAddress({ address: options.address, advertise: options.advertise ?? '' }, grpcPort);
          registration = await registry.register({
            id: options.instance,
            capability: 'gateway',
            address,
            version: plexusVersion,
            zone: options.zone ?? '',
            models: [],
            weight: 1,
          });
        },
        async stop() {
          draining = true; // /readyz says so while the registry spreads the word
          await registration?.deregister();
        },
      },
    ],
    { log, stopMsMax: settings.server.drainMs + 5_000, clock },
  );
  await lifecycle.start();
  return { grpcPort, httpPort, stop: () => lifecycle.stop() };
}
