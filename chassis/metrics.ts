/** Prometheus metrics of one process. Each process has its own registry; the gateway serves its own on GET /metrics. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry };

export interface Metrics {
  readonly registry: Registry;
  /** plexus_calls_total{service, method, code}: calls answered by this process. */
  readonly calls: Counter<'service' | 'method' | 'code'>;
  /** plexus_call_seconds{service, method}: from the request's arrival to its answer. */
  readonly callSeconds: Histogram<'service' | 'method'>;
  /** plexus_calls_in_flight. */
  readonly inFlight: Gauge;
}

/** `defaults` also collects Node's own metrics (event-loop lag, heap); off in tests, where many servers share a process. */
export function createMetrics(options: { defaults: boolean }): Metrics {
  const registry = new Registry();
  if (options.defaults) collectDefaultMetrics({ register: registry });
  return {
    registry,
    calls: new Counter({
      name: 'plexus_calls_total',
      help: 'Calls answered, by method and error code (OK where there was none).',
      labelNames: ['service', 'method', 'code'],
      registers: [registry],
    }),
    callSeconds: new Histogram({
      name: 'plexus_call_seconds',
      help: 'Seconds from the arrival of a request to its answer.',
      labelNames: ['service', 'method'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    }),
    inFlight: new Gauge({ name: 'plexus_calls_in_flight', help: 'Calls being worked on now.', registers: [registry] }),
  };
}
