/** Whether the gateway can answer: the registry has been heard and every capability a mesh needs has an instance that serves. */
import { CAPABILITIES, OPTIONAL_CAPABILITIES } from '../../registry/index.js';
import type { InstanceStatus } from '../upstream/index.js';

export interface Readiness {
  ready: boolean;
  /** True once the registry has answered; the last known instances hold from then on. */
  registry: boolean;
  /** Serving instances by capability. */
  capabilities: Record<string, number>;
  /** What is not there: "registry", "embed". */
  missing: string[];
  draining: boolean;
}

export interface ReadinessSources {
  instances(capability: string): readonly InstanceStatus[];
  registryAnswered(): boolean;
  draining(): boolean;
}

export function readiness({ instances, registryAnswered, draining }: ReadinessSources): Readiness {
  const capabilities: Record<string, number> = {};
  for (const capability of CAPABILITIES)
    capabilities[capability] = instances(capability).filter(({ state }) => state === 'serving').length;
  const registry = registryAnswered();
  const missing = [
    ...(registry ? [] : ['registry']),
    ...CAPABILITIES.filter((each) => capabilities[each] === 0 && !OPTIONAL_CAPABILITIES.includes(each)),
  ];
  return { ready: missing.length === 0 && !draining(), registry, capabilities, missing, draining: draining() };
}
