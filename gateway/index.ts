/** The gateway: one address for the whole mesh, over gRPC and HTTP, with pipelines. */

export { type Gateway, type GatewayOptions, runGateway } from './gateway.js';
export { createOpenApi } from './http/index.js';
export { type GatewaySettings, gatewaySettings } from './settings.js';
export { startGateway } from './start.js';
export { type UpstreamSettings, upstreamSettings } from './upstream/index.js';
