/**
 * The Open Inference Protocol through the gateway: calls about a model go to an instance of infer that has it, bytes in, bytes
 * out (its name is field 1 of every request, as in our own); what is asked of the server, the gateway answers for the mesh.
 */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type { CallContext } from '../../chassis/call.js';
import { asBytes } from '../../chassis/codec.js';
import { implementDefinition, type ServiceBinding } from '../../chassis/implement.js';
import { plexusVersion } from '../../chassis/process.js';
import { definition } from '../../protos/index.js';
import type { Upstream } from '../upstream/index.js';
import { route } from './capabilities.js';

const NAME = 'inference.GRPCInferenceService';

export function createOpenInferenceService(upstream: Upstream): ServiceBinding {
  const own: Record<string, () => object> = {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: upstream.instances('infer').some(({ state }) => state === 'serving') }),
    ServerMetadata: () => ({ name: 'plexus', version: plexusVersion, extensions: [] }),
  };
  const methods: Record<string, unknown> = {};
  const handlers: Record<string, (input: never, context: CallContext) => unknown> = {};
  for (const [key, method] of Object.entries(definition(NAME) as unknown as ServiceDefinition) as [
    string,
    MethodDefinition<unknown, unknown>,
  ][]) {
    methods[key] = own[key] ? method : asBytes(method);
    handlers[key] = own[key] ?? route(upstream, 'infer', method);
  }
  return implementDefinition(NAME, methods as ServiceDefinition, handlers);
}
