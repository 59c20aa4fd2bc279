/**
 * The gateway over HTTP: JSON to every method that has no stream of requests, server-sent events for those that answer with a
 * stream, pipelines, health, metrics, the OpenAPI document and the page. All calls go through the same services as gRPC
 * (local-call.ts), so both sides share limits, counters and errors.
 */
import type { IncomingMessage } from 'node:http';
import type { JsonValue } from '@bufbuild/protobuf';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../../chassis/clock.js';
import { descriptors } from '../../chassis/descriptors.js';
import { MeshError } from '../../chassis/errors.js';
import type { ServerRuntime, ServiceBinding } from '../../chassis/implement.js';
import type { Logger } from '../../chassis/log.js';
import type { Metrics } from '../../chassis/metrics.js';
import { toMeshError } from '../../chassis/status.js';
import type { TlsSettings } from '../../chassis/tls.js';
import type { GatewaySettings } from '../settings.js';
import { answerStream, answerUnary, bodyOf, type ExchangeOptions, requestIdOf, sendError } from './exchange.js';
import { bindLocally, type LocalService } from './local-call.js';
import { findHttpMethod } from './methods.js';
import { createOpenApi } from './openapi.js';
import { loadPage } from './page.js';
import { type ReadinessSources, readiness } from './readiness.js';
import { httpsOptions } from './tls.js';

export interface HttpServerOptions {
  services: readonly ServiceBinding[];
  /** The same as the gRPC server's. */
  runtime: ServerRuntime;
  settings: GatewaySettings;
  /** Bytes of the largest body. */
  bodyBytesMax: number;
  sources: ReadinessSources;
  capabilities(): readonly string[];
  metrics: Metrics;
  clock: Clock;
  log: Logger;
  /** Of Plexus, for the OpenAPI document. */
  version: string;
  tls?: TlsSettings;
}

export interface HttpServer {
  /** `address` is "host:port"; port 0 picks a free one. Resolves with the port. */
  start(address: string): Promise<number>;
  /** No new connections; those with a request in flight have `graceMs`, then they are cut. */
  stop(graceMs: number): Promise<void>;
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { settings, clock, log } = options;
  const app: FastifyInstance = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    genReqId: (raw: IncomingMessage) => requestIdOf(raw.headers),
    requestIdHeader: false,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      sendError(request, reply, asMeshError(error, options.bodyBytesMax)),
    forceCloseConnections: 'idle',
    keepAliveTimeout: settings.httpIdleMs,
    requestTimeout: RECEIVE_MS_MAX,
    routerOptions: { maxParamLength: 200 },
    ...httpsOptions(options.tls),
  } as object);
  app.server.maxConnections = settings.httpConnectionsMax;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
  });
  app.setErrorHandler((error, request, reply) => {
    const known = asMeshError(error, options.bodyBytesMax);
    if (known.code === 'INTERNAL')
      log.error({ request: request.id, url: request.routeOptions.url, err: error, ...known.facts }, known.message);
    return sendError(request, reply, known);
  });
  let closing = false;
  app.addHook('onResponse', async () => {
    // A connection that was busy when the server closed is idle now, and its client would keep it.
    if (closing) setImmediate(() => app.server.closeIdleConnections());
  });
  addRoutes(app, options);
  return {
    async start(address) {
      const colon = address.lastIndexOf(':');
      await app.listen({
        host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
        port: Number(address.slice(colon + 1)),
      });
      const bound = app.server.address();
      return typeof bound === 'object' && bound ? bound.port : 0;
    },
    async stop(graceMs) {
      closing = true;
      const cancel = clock.after(graceMs, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
  };
}

function addRoutes(app: FastifyInstance, options: HttpServerOptions): void {
  const { services, runtime, settings, clock, sources, metrics } = options;
  const exchange: ExchangeOptions = {
    clock,
    timeoutMsMax: settings.httpTimeoutMsMax,
    heartbeatMs: settings.httpHeartbeatMs,
  };
  const bound = new Map<string, LocalService>(services.map((service) => [service.name, bindLocally(service, runtime)]));
  const openApi = JSON.stringify(createOpenApi(options.version));
  const page = loadPage();

  const call = (
    service: string,
    name: string,
    json: JsonValue,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const local = bound.get(service);
    const method = descriptors()
      .getService(service)
      ?.methods.find((each) => each.name === name);
    if (!local || !method) throw new MeshError('METHOD_UNKNOWN', `${service}/${name} is not served here`);
    const answer = method.methodKind === 'unary' ? answerUnary : answerStream;
    return answer(request, reply, local, method, json, exchange);
  };
  const allowed = new Map<string, string[]>();
  const route = (
    method: 'GET' | 'POST',
    url: string,
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
  ): void => {
    allowed.set(url, [...(allowed.get(url) ?? []), method]);
    app.route({ method, url, handler });
  };

  route('GET', '/healthz', async (_request, reply) => reply.send({ status: 'alive' }));
  route('GET', '/readyz', async (_request, reply) => {
    const state = readiness(sources);
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  route('GET', '/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  route('GET', '/openapi.json', async (_request, reply) => reply.type('application/json; charset=utf-8').send(openApi));
  route('GET', '/', async (_request, reply) => {
    if (!page)
      return reply
        .type('text/plain; charset=utf-8')
        .send('Plexus gateway. See /openapi.json, /readyz, /v1/pipelines.\n');
    return reply.header('content-security-policy', page.policy).type('text/html; charset=utf-8').send(page.html);
  });
  route('GET', '/v1/instances', async (_request, reply) =>
    reply.send({ instances: options.capabilities().flatMap((capability) => sources.instances(capability)) }),
  );

  route('GET', '/v1/models', (request, reply) => {
    const { capability } = request.query as { capability?: unknown };
    return call('plexus.v1.Models', 'List', typeof capability === 'string' ? { capability } : {}, request, reply);
  });
  route('GET', '/v1/pipelines', (request, reply) => call(PIPELINES, 'List', {}, request, reply));
  route('GET', '/v1/pipelines/:target', (request, reply) =>
    call(PIPELINES, 'Describe', { pipeline: target(request) }, request, reply),
  );
  route('POST', '/v1/pipelines::validate', (request, reply) =>
    call(PIPELINES, 'Validate', bodyOf(request), request, reply),
  );
  route('POST', '/v1/pipelines/:target', (request, reply) => {
    const { pipeline, verb } = splitTarget(target(request));
    const streams = verb === 'Run' && /\btext\/event-stream\b/.test(request.headers.accept ?? '');
    const body = bodyOf(request);
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new MeshError('MESSAGE_INVALID', 'the body must be a JSON object: {"input": {...}}');
    return call(PIPELINES, streams ? 'RunStream' : verb, { ...body, pipeline }, request, reply);
  });
  route('POST', '/v1/:group/:method', (request, reply) => {
    const { group = '', method = '' } = request.params as { group?: string; method?: string };
    const found = findHttpMethod(group, method);
    return call(found.service, found.desc.name, bodyOf(request), request, reply);
  });

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = [...allowed].filter(([url]) => matches(url, path)).flatMap(([, each]) => each);
    if (methods.length > 0) {
      void reply.header('allow', methods.join(', '));
      throw new MeshError('HTTP_METHOD_NOT_ALLOWED', `this route takes ${methods.join(' or ')}`);
    }
    throw new MeshError('METHOD_UNKNOWN', 'there is no such route; see /openapi.json');
  });
}

/** For a request to arrive whole: 32 MiB at 4 Mbit/s take half of it. Slower senders are not waited for. */
const RECEIVE_MS_MAX = 120_000;
const PIPELINES = 'plexus.v1.Pipelines';
const VERBS: Readonly<Record<string, string>> = { run: 'Run', runStream: 'RunStream', explain: 'Explain' };

function target(request: FastifyRequest): string {
  return (request.params as { target?: string }).target ?? '';
}

/** "analyze:run" -> the pipeline and the method. */
function splitTarget(text: string): { pipeline: string; verb: string } {
  const colon = text.lastIndexOf(':');
  const verb = VERBS[text.slice(colon + 1)];
  if (colon <= 0 || !verb)
    throw new MeshError(
      'METHOD_UNKNOWN',
      `write /v1/pipelines/{name}:run; after the colon can stand ${Object.keys(VERBS).join(', ')}`,
    );
  return { pipeline: text.slice(0, colon), verb };
}

function matches(url: string, path: string): boolean {
  const pattern = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace('::', ':').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${pattern.join('/')}$`).test(path);
}

/** What fastify itself refuses, in our words. */
function asMeshError(error: unknown, bodyBytesMax: number): MeshError {
  if (error instanceof MeshError) return error;
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new MeshError('MESSAGE_TOO_LARGE', `the body is larger than ${bodyBytesMax} bytes; split the request`, {
      facts: { limit: String(bodyBytesMax) },
    });
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH')
    return new MeshError('MESSAGE_INVALID', 'content-length does not fit the body');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new MeshError('CONTENT_TYPE_UNSUPPORTED', 'content-type must be application/json');
  if (code === 'FST_ERR_BAD_URL') return new MeshError('METHOD_UNKNOWN', 'the path is not a valid URL');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new MeshError('MESSAGE_INVALID', 'the request is not valid HTTP', { cause: error });
  return toMeshError(error);
}
