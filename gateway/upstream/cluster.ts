/**
 * The instances of one capability: follows the registry, keeps a pulse on each, takes out and readmits. Keeps serving from
 * what it last knew while the registry is away, and does not believe a registry that suddenly knows nobody as long as the
 * instances themselves answer.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import type { Instance, Watch } from '../../registry/registry.js';
import type { Counters } from './counters.js';
import { type Begun, Endpoint, type InstanceStatus, type Pulse } from './endpoint.js';
import { Latency } from './latency.js';
import { createPoison } from './poison.js';
import { createPool } from './pool.js';
import { createPulse, type PulseWatch } from './pulse.js';
import { createRecovery } from './recovery.js';
import type { UpstreamSettings } from './settings.js';
import { instanceStack } from './stack.js';
import type { Connect } from './transport.js';

export interface ClusterOptions {
  watch: Watch;
  connect: Connect;
  settings: UpstreamSettings;
  clock: Clock;
  random: () => number;
  counters: Counters;
  /** The models of the capability changed. */
  onModels: () => void;
  /** An instance has not answered for so long that these attempts should move on; told again while it lasts. */
  onDead: (waiting: readonly Begun[], reason: MeshError) => void;
}

export interface Cluster {
  readonly endpoints: readonly Endpoint[];
  /** True once the registry has answered. */
  readonly known: boolean;
  latency(method: string): Latency;
  /** What an error says of where the instance stands. */
  onError(begun: Begun, error: MeshError): void;
  statuses(): readonly InstanceStatus[];
  close(): void;
}

/** Methods whose times are kept; names come from the contract, this only guards against a mistake. */
const METHODS_MAX = 100;

export function createCluster(options: ClusterOptions): Cluster {
  const { watch, connect, settings, clock, random, counters, onModels, onDead } = options;
  const pulses = new Map<Endpoint, PulseWatch>();
  const latencies = new Map<string, Latency>();
  const poison = settings.poison ? createPoison() : undefined;
  let endpoints: readonly Endpoint[] = [];
  let known = false;
  /** The registry says nobody is there, and we keep those who still answer. */
  let disbelieving = false;

  const readmit = (endpoint: Endpoint): void => {
    endpoint.ejected = false;
    endpoint.ejector?.reset();
    endpoint.breaker?.close();
    endpoint.load.reset();
    endpoint.startedMs = clock.monotonic();
  };
  const recovery = createRecovery({ probeMs: settings.probeMs, clock, random, counters, readmit });

  const onPulse = (endpoint: Endpoint, from: Pulse): void => {
    if (endpoint.pulse === 'serving') {
      if (from === 'lost') endpoint.pool.renew(); // the old channels wait out their back-off
      endpoint.load.reset();
      // Who was merely held up is as warm as before, and a small share of its own would be too much for the others.
      if (from !== 'silent') endpoint.startedMs = clock.monotonic();
      return;
    }
    if (disbelieving && endpoint.pulse !== 'silent') remove(endpoint);
  };
  const add = (instance: Instance, first: boolean): Endpoint => {
    const pool = createPool(instance.address, {
      connect,
      connections: settings.connections,
      resetsMax: settings.resetsMax,
      clock,
      counters,
    });
    const endpoint = new Endpoint(instance, {
      pool,
      clock,
      counters,
      poison,
      loadReports: settings.loadReports,
      observers: (made) =>
        instanceStack(made, {
          settings,
          clock,
          counters,
          siblingMs: () => slowestSiblingMs(made),
          mayEject: () => endpoints.filter(({ ejected }) => ejected).length + 1 <= endpoints.length / 2,
          onOut: () => recovery.watch(made),
        }),
    });
    if (!first) endpoint.startedMs = clock.monotonic();
    if (settings.pulse) {
      pulses.set(
        endpoint,
        createPulse({
          endpoint,
          connect,
          silenceMs: settings.pulseSilenceMs,
          timeoutMs: settings.pulseTimeoutMs,
          idleMs: settings.pulseIdleMs,
          clock,
          counters,
          onChange: (from) => onPulse(endpoint, from),
          onDead: () => {
            const reason = new MeshError('UPSTREAM_UNREACHABLE', `${endpoint.id} stopped answering`);
            onDead(endpoint.waiting(), reason);
            endpoint.giveUp(reason);
          },
        }),
      );
    }
    return endpoint;
  };
  const remove = (endpoint: Endpoint): void => {
    endpoint.gone = true;
    endpoints = endpoints.filter((each) => each !== endpoint);
    pulses.get(endpoint)?.stop();
    pulses.delete(endpoint);
    endpoint.breaker?.dispose();
    endpoint.cuts.flush();
    endpoint.pool.close(); // after the calls in flight
  };
  const slowestSiblingMs = (endpoint: Endpoint): number => {
    // By answers alone: were it what balance.ts compares, two instances that refuse would double each other's for ever.
    let slowestMs = 0;
    for (const each of endpoints) if (each !== endpoint) slowestMs = Math.max(slowestMs, each.load.answeredMs);
    return slowestMs;
  };

  const update = (instances: readonly Instance[]): void => {
    if (settings.keepOnEmpty && instances.length === 0 && endpoints.length > 0) {
      const answering = endpoints.filter(({ pulse }) => pulse === 'serving' || pulse === 'silent');
      if (!disbelieving) counters.emptyRegistryRefused++;
      disbelieving = true;
      for (const endpoint of endpoints) if (!answering.includes(endpoint)) remove(endpoint);
      return;
    }
    disbelieving = false;
    const first = !known || endpoints.length === 0;
    if (instances.length > 0) known = true;
    const modelsBefore = modelsOf(endpoints);
    const listed = new Map(instances.map((instance) => [instance.id, instance]));
    for (const endpoint of endpoints) {
      const instance = listed.get(endpoint.id);
      if (instance?.address === endpoint.instance.address) endpoint.instance = instance;
      else remove(endpoint);
    }
    const kept = new Set(endpoints.map(({ id }) => id));
    endpoints = [
      ...endpoints,
      ...[...listed.values()].filter(({ id }) => !kept.has(id)).map((instance) => add(instance, first)),
    ];
    if (modelsBefore !== modelsOf(endpoints)) onModels();
  };
  const stopWatching = watch.onChange(update);
  watch.ready().then(
    () => {
      known = true;
    },
    () => {}, // closed before the registry answered
  );

  return {
    get endpoints() {
      return endpoints;
    },
    get known() {
      return known;
    },
    latency(method) {
      let latency = latencies.get(method);
      if (!latency) {
        latency = new Latency();
        if (latencies.size < METHODS_MAX) latencies.set(method, latency);
      }
      return latency;
    },
    onError({ endpoint, cancelled }, error) {
      if (cancelled) return;
      if (error.retryAfterMs !== undefined && error.retryable)
        endpoint.restUntilMs = clock.monotonic() + error.retryAfterMs;
      if (error.code === 'UPSTREAM_UNREACHABLE' || error.code === 'SHUTTING_DOWN') pulses.get(endpoint)?.suspect();
    },
    statuses: () => endpoints.map((endpoint) => endpoint.status()),
    close() {
      stopWatching();
      watch.close();
      recovery.stop();
      for (const endpoint of endpoints) remove(endpoint);
    },
  };
}

function modelsOf(endpoints: readonly Endpoint[]): string {
  return [...new Set(endpoints.flatMap(({ instance }) => instance.models))].sort().join(' ');
}
