/** The gateway over HTTP. */

export { createOpenApi } from './openapi.js';
export { type Readiness, type ReadinessSources, readiness } from './readiness.js';
export { createHttpServer, type HttpServer, type HttpServerOptions } from './server.js';
