/** Prometheus metrics of one process. Each process has its own registry; the gateway serves its own on GET /metrics. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { CallMetrics } from './call-metrics.js';

export { Counter, Gauge, Histogram, Registry };

export interface Metrics {
  readonly registry: Registry;
  /** Calls answered by this process. */
  readonly calls: CallMetrics;
}

/** `defaults` also collects Node's own metrics (event-loop lag, heap); off in tests, where many servers share a process. */
export function createMetrics(options: { defaults: boolean }): Metrics {
  const registry = new Registry();
  if (options.defaults) collectDefaultMetrics({ register: registry });
  return { registry, calls: new CallMetrics(registry) };
}
