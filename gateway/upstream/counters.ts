/**
 * What the layers count, as plain numbers while calls run; Prometheus reads them when it asks. A labelled prom-client
 * counter costs about as much as a whole layer, and a call passes ten of them.
 */
import { Counter, Gauge, type Metrics } from '../../chassis/metrics.js';

/** Events of one capability. Each is named for the layer that counts it. */
export interface Counters {
  calls: number;
  answered: number;
  failed: number;
  deadlineExceeded: number;
  cancelled: number;
  cacheHits: number;
  cacheMisses: number;
  cacheJoined: number;
  throttled: number;
  bulkheadQueued: number;
  bulkheadRefused: number;
  limitLowered: number;
  retries: number;
  retriesOverBudget: number;
  hedges: number;
  hedgesWon: number;
  hedgesOverBudget: number;
  attempts: number;
  noInstance: number;
  circuitOpen: number;
  panics: number;
  loadReports: number;
  poisoned: number;
  ejections: number;
  breakerOpened: number;
  probes: number;
  probesFailed: number;
  readmissions: number;
  silences: number;
  resets: number;
  connectionsOpened: number;
  connectionsRotated: number;
  emptyRegistryRefused: number;
}

export function createCounters(): Counters {
  return {
    calls: 0,
    answered: 0,
    failed: 0,
    deadlineExceeded: 0,
    cancelled: 0,
    cacheHits: 0,
    cacheMisses: 0,
    cacheJoined: 0,
    throttled: 0,
    bulkheadQueued: 0,
    bulkheadRefused: 0,
    limitLowered: 0,
    retries: 0,
    retriesOverBudget: 0,
    hedges: 0,
    hedgesWon: 0,
    hedgesOverBudget: 0,
    attempts: 0,
    noInstance: 0,
    circuitOpen: 0,
    panics: 0,
    loadReports: 0,
    poisoned: 0,
    ejections: 0,
    breakerOpened: 0,
    probes: 0,
    probesFailed: 0,
    readmissions: 0,
    silences: 0,
    resets: 0,
    connectionsOpened: 0,
    connectionsRotated: 0,
    emptyRegistryRefused: 0,
  };
}

/** What the gauges show of an instance. */
export interface InstanceGauges {
  readonly id: string;
  readonly capability: string;
  readonly state: string;
  readonly inFlight: number;
  readonly latencyMs: number;
  readonly queueMs: number;
}

/**
 * plexus_upstream_events_total{capability, event}, plexus_upstream_instance_up{capability, instance, state},
 * plexus_upstream_in_flight, plexus_upstream_latency_ms and plexus_upstream_reported_queue_ms{capability, instance}. Read at
 * scrape time.
 */
export function exportCounters(
  metrics: Metrics,
  counters: () => Readonly<Record<string, Readonly<Counters>>>,
  instances: () => readonly InstanceGauges[],
): void {
  const registers = [metrics.registry];
  new Counter({
    name: 'plexus_upstream_events_total',
    help: 'What the layers of the upstream stack did, by capability and event.',
    labelNames: ['capability', 'event'],
    registers,
    collect() {
      this.reset();
      for (const [capability, each] of Object.entries(counters())) {
        for (const [event, count] of Object.entries(each)) this.inc({ capability, event }, count as number);
      }
    },
  });
  const gauge = (
    name: string,
    help: string,
    labels: string[],
    set: (gauge: Gauge, each: InstanceGauges) => void,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames: ['capability', 'instance', ...labels],
      registers,
      collect() {
        this.reset();
        for (const each of instances()) set(this, each);
      },
    });
  };
  gauge(
    'plexus_upstream_instance_up',
    '1 where the instance is in rotation.',
    ['state'],
    (up, { capability, id, state }) => up.set({ capability, instance: id, state }, state === 'serving' ? 1 : 0),
  );
  gauge('plexus_upstream_in_flight', 'Attempts in flight to the instance.', [], (each, { capability, id, inFlight }) =>
    each.set({ capability, instance: id }, inFlight),
  );
  gauge(
    'plexus_upstream_latency_ms',
    'Peak EWMA of the latency of the instance, in milliseconds.',
    [],
    (each, { capability, id, latencyMs }) => each.set({ capability, instance: id }, latencyMs),
  );
  gauge(
    'plexus_upstream_reported_queue_ms',
    'Wait in its queue by the last load report of the instance, in milliseconds.',
    [],
    (each, { capability, id, queueMs }) => each.set({ capability, instance: id }, queueMs),
  );
}
