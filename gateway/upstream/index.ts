/** The way from the gateway to the services: see stack.ts for its layers, top to bottom. */
export type { Criticality, UpstreamAnswer, UpstreamBidiCall, UpstreamCall, UpstreamStream } from './call.js';
export { attemptsOf, serviceName } from './call.js';
export type { Counters } from './counters.js';
export type { InstanceState, InstanceStatus } from './endpoint.js';
export { type UpstreamSettings, upstreamSettings } from './settings.js';
export { type Connect, createGrpcTransport, createHttp2Transport, type Transport } from './transport.js';
export { createUpstream, type Upstream, type UpstreamOptions } from './upstream.js';
