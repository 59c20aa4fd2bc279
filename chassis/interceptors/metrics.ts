/** Counts and times every call by method and outcome. */
import type { Clock } from '../clock.js';
import type { Metrics } from '../metrics.js';
import type { Interceptor } from './interceptor.js';

export function createMetricsInterceptor(metrics: Metrics, clock: Clock): Interceptor {
  return {
    begin({ method }) {
      const startedMs = clock.monotonic();
      const slash = method.indexOf('/');
      const labels = { service: method.slice(0, slash), method: method.slice(slash + 1) };
      metrics.inFlight.inc();
      return (error) => {
        metrics.inFlight.dec();
        metrics.calls.inc({ ...labels, code: error?.code ?? 'OK' });
        metrics.callSeconds.observe(labels, (clock.monotonic() - startedMs) / 1000);
      };
    },
  };
}
