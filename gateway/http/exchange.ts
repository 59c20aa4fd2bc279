/**
 * One HTTP request on its way into a call and back: identity, deadline, cancellation, body, answer, error. What every route
 * shares; the routes themselves are in server.ts.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type DescMessage, type DescMethod, fromBinary, type JsonValue } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import { errorBody, retryAfterHeader } from './error.js';
import { parseBody, toJsonText, toMessageBytes } from './json.js';
import type { LocalCallOptions, LocalService } from './local-call.js';
import { openEventStream } from './sse.js';
import { readTimeoutMs } from './timeout.js';

/** Headers that become metadata of the call; others end here. */
const PASSED = ['traceparent', 'tracestate', 'authorization', 'x-plexus-criticality', 'x-plexus-tenant'];
const PRINTABLE = /^[\x20-\x7e]{1,2048}$/;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export interface ExchangeOptions {
  clock: Clock;
  timeoutMsMax: number;
  heartbeatMs: number;
}

/** The caller's id where it is printable and short, or a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

export async function answerUnary(
  request: FastifyRequest,
  reply: FastifyReply,
  service: LocalService,
  method: DescMethod,
  json: JsonValue,
  options: ExchangeOptions,
): Promise<FastifyReply> {
  const { signal, stop } = hangUp(reply);
  try {
    const call = callOf(request, method.input, json, signal, options);
    const { response, trailers } = await service.unary(method.name, call);
    return await reply
      .headers(shown(trailers))
      .type('application/json; charset=utf-8')
      .send(decode(method.output, response));
  } finally {
    stop();
  }
}

export async function answerStream(
  request: FastifyRequest,
  reply: FastifyReply,
  service: LocalService,
  method: DescMethod,
  json: JsonValue,
  options: ExchangeOptions,
): Promise<FastifyReply> {
  const { signal, stop } = hangUp(reply);
  const id = request.id;
  const stream = openEventStream({
    response: reply.raw,
    clock: options.clock,
    heartbeatMs: options.heartbeatMs,
    headers: { 'x-request-id': id },
    signal,
  });
  let failure: MeshError | undefined;
  try {
    const call = callOf(request, method.input, json, signal, options);
    for await (const bytes of service.serverStream(method.name, call)) {
      const message = fromBinary(method.output, bytes);
      await stream.send({ event: eventOf(method.output, message), data: toJsonText(method.output, message) });
      if (signal.aborted) break;
    }
  } catch (thrown) {
    failure = toMeshError(thrown);
  }
  stop();
  if (failure && !stream.begun) {
    stream.end();
    throw failure; // nothing was sent yet: a plain HTTP error
  }
  if (failure) await stream.send({ event: 'error', data: JSON.stringify(errorBody(failure, id)) });
  if (!stream.begun) await stream.send({ event: 'end', data: '{}' });
  reply.hijack();
  stream.end();
  return reply;
}

/** The body of a POST, which must say that it is JSON where there is any. */
export function bodyOf(request: FastifyRequest): JsonValue {
  const body = Buffer.isBuffer(request.body) ? request.body : undefined;
  if (body && body.length > 0) {
    const type = request.headers['content-type'] ?? '';
    if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type)) {
      throw new MeshError(
        'CONTENT_TYPE_UNSUPPORTED',
        `content-type must be application/json, is ${PRINTABLE.test(type) ? `"${type.slice(0, 80)}"` : 'missing'}`,
      );
    }
    const charset = /charset\s*=\s*"?([\w-]+)/i.exec(type)?.[1];
    if (charset && !/^utf-?8$/i.test(charset))
      throw new MeshError('CONTENT_TYPE_UNSUPPORTED', `the body must be UTF-8, is declared as ${charset.slice(0, 40)}`);
  }
  return parseBody(body);
}

export async function sendError(request: FastifyRequest, reply: FastifyReply, error: MeshError): Promise<FastifyReply> {
  return reply
    .code(error.kind.http)
    .headers(retryAfterHeader(error))
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(error, request.id)));
}

function callOf(
  request: FastifyRequest,
  input: DescMessage,
  json: JsonValue,
  signal: AbortSignal,
  { clock, timeoutMsMax }: ExchangeOptions,
): LocalCallOptions {
  const timeoutMs = readTimeoutMs(request.headers, timeoutMsMax);
  const metadata = new Metadata();
  metadata.set('x-request-id', request.id);
  for (const name of PASSED) {
    const value = request.headers[name];
    if (typeof value === 'string' && PRINTABLE.test(value)) metadata.set(name, value);
  }
  return {
    request: toMessageBytes(input, json),
    metadata,
    deadlineMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs,
    signal,
  };
}

/** Aborts when the client closes the connection before its answer was written. */
function hangUp({ raw }: FastifyReply): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!raw.writableEnded) controller.abort(new MeshError('CANCELLED', 'the caller went away'));
  };
  raw.once('close', onClose);
  return { signal: controller.signal, stop: () => raw.removeListener('close', onClose) };
}

function decode(desc: DescMessage, bytes: Buffer): string {
  try {
    return toJsonText(desc, fromBinary(desc, bytes));
  } catch (error) {
    throw new MeshError('UPSTREAM_INVALID', `the answer is not a valid ${desc.typeName}`, { cause: error });
  }
}

/** What of the trailers a caller sees. */
function shown(trailers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(trailers).filter(([name, value]) => name.startsWith('x-') && PRINTABLE.test(value)),
  );
}

/** The member of the message's oneof that is set: "delta", "finished". */
function eventOf(desc: DescMessage, message: object): string {
  const [oneof] = desc.oneofs;
  const chosen = oneof && ((message as Record<string, unknown>)[oneof.localName] as { case?: string } | undefined);
  return chosen?.case ?? 'message';
}
