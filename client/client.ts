/**
 * The typed TypeScript client: `createClient('127.0.0.1:50050').embed.embed({ texts: ['hello'] })`. Types come from the
 * protos, so a wrong field does not compile; those of pipelines from `plexus pipelines codegen` (pipelines.ts). Works against the gateway and against a single service. One connection a
 * client; close it when done. Errors are MeshErrors with the stable codes of docs/errors.md.
 */
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { MethodDefinition as LoadedMethod } from '@grpc/proto-loader';
import {
  type CallSettings,
  type Channel,
  type ChannelOptions,
  createChannel,
  type Method,
} from '../chassis/channel.js';
import { type Definitions, definition } from '../protos/index.js';
import { type AnyPipelines, type PipelineCalls, type PipelineTypes, pipelineCalls } from './pipelines.js';

/** What one call may say. */
export interface CallOptions {
  /** Milliseconds the call may take. Default 60,000. */
  timeoutMs?: number;
  /** Cancels the call, down to the model. */
  signal?: AbortSignal;
  /** Further metadata: "x-request-id", "traceparent". */
  metadata?: Readonly<Record<string, string>>;
}

/** Names of the methods that stream, so that the types below can tell them apart. */
type ServerStreaming = 'SummarizeStream' | 'RunStream' | 'Watch';
type Bidirectional = 'EmbedStream' | 'InferStream';

type ClientMethod<Name, Definition> =
  Definition extends LoadedMethod<infer Request, infer _Response, infer _RequestOut, infer Response>
    ? Name extends ServerStreaming
      ? (request: Request, options?: CallOptions) => AsyncIterable<Response>
      : Name extends Bidirectional
        ? (requests: AsyncIterable<Request>, options?: CallOptions) => AsyncIterable<Response>
        : (request: Request, options?: CallOptions) => Promise<Response>
    : never;

/** Every method of a service in lower camel case: `encode`, `embedStream`. */
export type ServiceClient<Definition> = {
  [Name in keyof Definition as string extends Name ? never : Uncapitalize<Name & string>]: ClientMethod<
    Name,
    Definition[Name]
  >;
};

/** `run` and `runStream` call pipelines by name; `pipelines` is the service itself. */
export interface PlexusClient<Pipelines extends PipelineTypes<Pipelines> = AnyPipelines>
  extends PipelineCalls<Pipelines, CallOptions> {
  readonly tokenize: ServiceClient<Definitions['plexus.v1.Tokenize']>;
  readonly embed: ServiceClient<Definitions['plexus.v1.Embed']>;
  readonly classify: ServiceClient<Definitions['plexus.v1.Classify']>;
  readonly summarize: ServiceClient<Definitions['plexus.v1.Summarize']>;
  readonly infer: ServiceClient<Definitions['plexus.v1.Infer']>;
  readonly pipelines: ServiceClient<Definitions['plexus.v1.Pipelines']>;
  readonly models: ServiceClient<Definitions['plexus.v1.Models']>;
  readonly health: ServiceClient<Definitions['grpc.health.v1.Health']>;
  close(): void;
}

const TIMEOUT_MS = 60_000;

/** A client of the gateway (or one service) at "host:port". `Pipelines`: what codegen wrote. */
export function createClient<Pipelines extends PipelineTypes<Pipelines> = AnyPipelines>(
  address: string,
  options: ChannelOptions = {},
): PlexusClient<Pipelines> {
  const channel = createChannel(address, options);
  return {
    ...pipelineCalls<Pipelines, CallOptions>(channel, settings),
    tokenize: service(channel, 'plexus.v1.Tokenize'),
    embed: service(channel, 'plexus.v1.Embed'),
    classify: service(channel, 'plexus.v1.Classify'),
    summarize: service(channel, 'plexus.v1.Summarize'),
    infer: service(channel, 'plexus.v1.Infer'),
    pipelines: service(channel, 'plexus.v1.Pipelines'),
    models: service(channel, 'plexus.v1.Models'),
    health: service(channel, 'grpc.health.v1.Health'),
    close: () => channel.close(),
  };
}

function service<Name extends keyof Definitions>(channel: Channel, name: Name): ServiceClient<Definitions[Name]> {
  const methods: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition(name) as unknown as ServiceDefinition)) {
    const typed = method as Method<unknown, unknown>;
    methods[key.charAt(0).toLowerCase() + key.slice(1)] = method.requestStream
      ? (requests: AsyncIterable<unknown>, options?: CallOptions) => channel.bidi(typed, requests, settings(options))
      : method.responseStream
        ? (request: unknown, options?: CallOptions) => channel.serverStream(typed, request, settings(options))
        : async (request: unknown, options?: CallOptions) =>
            (await channel.unary(typed, request, settings(options))).response;
  }
  return methods as ServiceClient<Definitions[Name]>;
}

function settings({ timeoutMs = TIMEOUT_MS, signal, metadata }: CallOptions = {}): CallSettings {
  return { deadlineMs: Date.now() + timeoutMs, signal, metadata };
}
