/**
 * A whole small mesh in one process: four real gRPC services that answer from plain functions, a registry that lists them, and
 * the gateway in front, on free ports.
 */
import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type { CallContext } from '../../../chassis/call.js';
import { systemClock } from '../../../chassis/clock.js';
import { asBytes } from '../../../chassis/codec.js';
import { descriptors } from '../../../chassis/descriptors.js';
import { implementDefinition, type ServiceBinding } from '../../../chassis/implement.js';
import { type Logger, silentLogger } from '../../../chassis/log.js';
import { createServer, type MeshServer, type ServerSettings } from '../../../chassis/server.js';
import { readSettings } from '../../../chassis/settings.js';
import { plainText, type TlsSettings } from '../../../chassis/tls.js';
import {
  type Gateway,
  type GatewaySettings,
  gatewaySettings,
  startGateway,
  upstreamSettings,
} from '../../../gateway/index.js';
import { type Definitions, definition } from '../../../protos/index.js';
import { CAPABILITIES, createStaticRegistry, type Instance } from '../../../registry/index.js';
import { testServerSettings } from '../../kit/settings.js';
import { standardAnswers } from '../pipeline/fake-upstream.js';

type Plain = Record<string, JsonValue>;

/** By "embed.Embed"; an async iterable is a stream. Anything thrown is the call's error. */
export type Handlers = Record<
  string,
  (request: Plain, context: CallContext) => Plain | Plain[] | Promise<Plain> | AsyncIterable<Plain>
>;

export interface Mesh {
  readonly gateway: Gateway;
  /** "http://127.0.0.1:port" */
  readonly url: string;
  /** "127.0.0.1:port" of the gateway's gRPC server. */
  readonly address: string;
  stop(): Promise<void>;
}

export interface MeshOptions {
  handlers?: Handlers;
  /** Default: all four. */
  capabilities?: readonly string[];
  server?: Partial<ServerSettings>;
  gateway?: Partial<GatewaySettings>;
  log?: Logger;
  /** Of the gateway's own ports and its calls. */
  tls?: TlsSettings;
}

export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const handlers: Handlers = { ...standardAnswers(), ...options.handlers };
  const servers: MeshServer[] = [];
  const instances: Instance[] = [];
  for (const capability of options.capabilities ?? CAPABILITIES) {
    const name = `plexus.v1.${capability[0]?.toUpperCase()}${capability.slice(1)}`;
    const server = createServer({
      services: [serviceOf(capability, name, handlers)],
      address: '127.0.0.1:0',
      settings: testServerSettings(),
    });
    const port = await server.start();
    server.health.set(name, 'SERVING');
    servers.push(server);
    instances.push({
      id: `${capability}-1`,
      capability,
      address: `127.0.0.1:${port}`,
      version: '0.1.0',
      zone: '',
      models: [`${capability}-model@1`],
      weight: 1,
    });
  }
  const registry = createStaticRegistry({ instances, tls: plainText });
  const gateway = await startGateway({
    settings: {
      server: testServerSettings({ drainMs: 1_000, ...options.server }),
      gateway: { ...readSettings(gatewaySettings, {}), pipelinesWatch: false, ...options.gateway },
      upstream: readSettings(upstreamSettings, {}),
      ...(options.tls && { tls: options.tls }),
    },
    registry,
    log: options.log ?? silentLogger,
    clock: systemClock,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    instance: 'gateway-1',
  });
  return {
    gateway,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${gateway.httpPort}`,
    address: `127.0.0.1:${gateway.grpcPort}`,
    async stop() {
      await gateway.stop();
      await registry.close();
      await Promise.all(servers.map((server) => server.drain(0)));
    },
  };
}

function serviceOf(capability: string, name: string, handlers: Handlers): ServiceBinding {
  const methods: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const bound: Record<string, (input: never, context: CallContext) => unknown> = {};
  const descs = descriptors().getService(name)?.methods ?? [];
  for (const [key, method] of Object.entries(definition(name as keyof Definitions) as ServiceDefinition)) {
    methods[key] = asBytes(method as MethodDefinition<unknown, unknown>);
    const desc = descs.find((each) => each.name === key);
    if (!desc) throw new Error(`${name} has no ${key}`);
    const encode = (plain: Plain): Buffer => Buffer.from(toBinary(desc.output, fromJson(desc.output, plain)));
    const answer = (request: Buffer, context: CallContext) => {
      const handler = handlers[`${capability}.${key}`];
      if (!handler) throw new Error(`the test has no ${capability}.${key}`);
      return handler(toJson(desc.input, fromBinary(desc.input, request)) as Plain, context);
    };
    bound[key] = method.responseStream
      ? (async function* (request: Buffer, context: CallContext) {
          for await (const plain of answer(request, context) as AsyncIterable<Plain>) yield encode(plain);
        } as (input: never, context: CallContext) => unknown)
      : ((async (request: Buffer, context: CallContext) => encode((await answer(request, context)) as Plain)) as (
          input: never,
          context: CallContext,
        ) => unknown);
  }
  return implementDefinition(name, methods as unknown as ServiceDefinition, bound);
}
