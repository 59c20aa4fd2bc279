/**
 * The capability services, served by the gateway as they are: bytes in, bytes out, through the upstream stack. Only the
 * `model` field is read, and whether generation samples. All of their methods are pure, so every unary call may be sent twice.
 */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type { CallContext } from '../../chassis/call.js';
import { asBytes } from '../../chassis/codec.js';
import { implementDefinition, type ServiceBinding } from '../../chassis/implement.js';
import { type Definitions, definition } from '../../protos/index.js';
import { CAPABILITIES } from '../../registry/registry.js';
import { serviceName, type Upstream, type UpstreamCall, type UpstreamStream } from '../upstream/index.js';
import { isDeterministic } from './deterministic.js';
import { answered, forwarded } from './metadata.js';
import { readModel } from './wire.js';

/** Tokenize, Embed, Classify, Summarize and Infer as routes to whoever serves them. */
export function createCapabilityServices(upstream: Upstream): ServiceBinding[] {
  return CAPABILITIES.map((capability) => {
    const name = serviceName(capability) as keyof Definitions;
    const methods: Record<string, MethodDefinition<Buffer, Buffer>> = {};
    const handlers: Record<string, (input: never, context: CallContext) => unknown> = {};
    for (const [key, method] of Object.entries(definition(name) as ServiceDefinition) as [
      string,
      MethodDefinition<unknown, unknown>,
    ][]) {
      methods[key] = asBytes(method);
      handlers[key] = route(upstream, capability, method);
    }
    return implementDefinition(name, methods as unknown as ServiceDefinition, handlers);
  });
}

export function route(
  upstream: Upstream,
  capability: string,
  method: MethodDefinition<unknown, unknown>,
): (input: never, context: CallContext) => unknown {
  if (method.requestStream)
    return (requests: AsyncIterable<Buffer>, context) =>
      relay(upstream.bidi({ ...base(capability, context), requests }), context);
  if (method.responseStream)
    return (request: Buffer, context) => relay(upstream.serverStream(single(capability, request, context)), context);
  return async (request: Buffer, context) => {
    const answer = await upstream.unary(single(capability, request, context, isDeterministic(capability, request)));
    answered(context, answer);
    return answer.response;
  };
}

function base(capability: string, context: CallContext): Omit<UpstreamCall, 'request' | 'idempotent'> {
  return {
    capability,
    method: context.method,
    deadlineMs: context.deadlineMs,
    signal: context.ending ?? context.signal,
    metadata: forwarded(context),
  };
}

/** Written out: three objects spread into each other took 3 us of a hop. */
function single(capability: string, request: Buffer, context: CallContext, deterministic = false): UpstreamCall {
  const call: UpstreamCall = {
    capability,
    method: context.method,
    deadlineMs: context.deadlineMs,
    signal: context.ending ?? context.signal,
    metadata: forwarded(context),
    request,
    idempotent: true,
    deterministic,
  };
  const model = readModel(request);
  if (model !== undefined) call.model = model;
  return call;
}

async function* relay(stream: UpstreamStream, context: CallContext): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } finally {
    answered(context, stream);
  }
}
