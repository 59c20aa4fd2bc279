/** The gateway: one address for the whole mesh, over gRPC and HTTP, with pipelines. */

export { createOpenApi } from './http/index.js';
export { startGatewayProcess } from './main.js';
export { type GatewaySettings, gatewaySettings } from './settings.js';
export { type Gateway, type GatewayOptions, startGateway } from './start.js';
export { type UpstreamSettings, upstreamSettings } from './upstream/index.js';
