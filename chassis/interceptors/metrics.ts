/** Counts and times every call by method and outcome. */
import type { Clock } from '../clock.js';
import type { Metrics } from '../metrics.js';
import type { Interceptor } from './interceptor.js';

export function createMetricsInterceptor({ calls }: Metrics, clock: Clock): Interceptor {
  return {
    onlooker: true,
    begin({ method }) {
      const startedMs = clock.monotonic();
      calls.begun();
      return (error) => calls.ended(method, error?.code ?? 'OK', (clock.monotonic() - startedMs) / 1000);
    },
  };
}
