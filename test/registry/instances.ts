/** Instances for the tests of this room. */
import type { Instance } from '../../registry/index.js';

export function instance(id: string, change: Partial<Instance> = {}): Instance {
  const capability = id.slice(0, id.lastIndexOf('-'));
  return {
    id,
    capability,
    address: '127.0.0.1:1',
    version: '0.1.0',
    zone: 'a',
    models: ['minilm@1'],
    weight: 10,
    ...change,
  };
}

export function ids(instances: readonly Instance[]): string {
  return instances.map(({ id }) => id).join(' ');
}
