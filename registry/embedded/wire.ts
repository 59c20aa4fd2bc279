/** Instance <-> plexus.v1.Instance. */
import type { Instance__Output, Instance as WireInstance } from '../../protos/gen/plexus/v1/Instance.js';
import type { ProbeState } from '../probe.js';
import type { Instance } from '../registry.js';

export function toWire(instance: Instance, state: ProbeState): WireInstance {
  const health =
    state === 'serving'
      ? 'INSTANCE_HEALTH_PASSING'
      : state === 'away'
        ? 'INSTANCE_HEALTH_CRITICAL'
        : 'INSTANCE_HEALTH_UNSPECIFIED';
  return { ...instance, models: [...instance.models], health };
}

export function fromWire({ id, capability, address, version, zone, models, weight }: Instance__Output): Instance {
  return { id, capability, address, version, zone, models, weight: Math.min(Math.max(weight, 1), 100) };
}

export function isPassing({ health }: Instance__Output): boolean {
  return health === 'INSTANCE_HEALTH_PASSING';
}
