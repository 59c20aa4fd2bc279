/**
 * grpc.health.v1: Check, Watch, List. One name per service ("plexus.v1.Embed"), one per model ("model/minilm-l3-en" and
 * "model/minilm-l3-en@1"), and "" for the process: SERVING where every service is that it cannot do without.
 */
import type { HealthHandlers } from '../protos/gen/grpc/health/v1/Health.js';
import { MeshError } from './errors.js';
import { implement, type ServiceBinding } from './implement.js';

export type HealthStatus = 'SERVING' | 'NOT_SERVING';

export interface Health {
  readonly binding: ServiceBinding;
  /** `optional`: the process as a whole serves without it. */
  set(name: string, status: HealthStatus, options?: { optional: boolean }): void;
  /** Forgets a name; those who watch it are told SERVICE_UNKNOWN. */
  remove(name: string): void;
  /** Everything NOT_SERVING from now on: the process drains. */
  shutDown(): void;
  status(name: string): HealthStatus | undefined;
}

/** Watchers of one server at most; more are refused. */
const WATCHERS_MAX = 1_000;

export function createHealth(): Health {
  const statuses = new Map<string, HealthStatus>([['', 'NOT_SERVING']]);
  const optional = new Set<string>();
  const watchers = new Set<() => void>();
  let down = false;

  const tell = (): void => {
    const services = [...statuses].filter(([name]) => name !== '' && !name.startsWith('model/') && !optional.has(name));
    statuses.set(
      '',
      !down && services.length > 0 && services.every(([, status]) => status === 'SERVING') ? 'SERVING' : 'NOT_SERVING',
    );
    for (const wake of watchers) wake();
  };

  const binding = implement<HealthHandlers>(
    'grpc.health.v1.Health',
    {
      Check({ service }) {
        const status = statuses.get(service);
        if (!status)
          throw new MeshError(
            'MODEL_UNKNOWN',
            `health: nothing is called "${service}"; it has ${[...statuses.keys()].filter((name) => name).join(', ')}`,
          );
        return { status };
      },
      List() {
        return { statuses: Object.fromEntries([...statuses].map(([name, status]) => [name, { status }])) };
      },
      async *Watch({ service }, { signal }) {
        if (watchers.size >= WATCHERS_MAX)
          throw new MeshError('OVERLOADED', `health is watched by ${WATCHERS_MAX} callers, which is the limit`, {
            retryAfterMs: 5_000,
          });
        let wake = (): void => {};
        const onChange = (): void => wake();
        watchers.add(onChange);
        signal.addEventListener('abort', onChange, { once: true });
        try {
          let last: string | undefined;
          while (!signal.aborted) {
            const status = statuses.get(service) ?? 'SERVICE_UNKNOWN';
            const changed = new Promise<void>((resolve) => {
              wake = resolve;
            });
            if (status !== last) {
              last = status;
              yield { status };
              continue;
            }
            await changed;
          }
        } finally {
          watchers.delete(onChange);
          signal.removeEventListener('abort', onChange);
        }
      },
    },
    { endless: ['Watch'] },
  );

  return {
    binding,
    set(name, status, options) {
      if (options?.optional) optional.add(name);
      else optional.delete(name);
      statuses.set(name, down ? 'NOT_SERVING' : status);
      tell();
    },
    remove(name) {
      statuses.delete(name);
      tell();
    },
    shutDown() {
      down = true;
      for (const name of statuses.keys()) statuses.set(name, 'NOT_SERVING');
      tell();
    },
    status: (name) => statuses.get(name),
  };
}
