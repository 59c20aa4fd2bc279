/**
 * Counts and times of the calls a process serves. Plain numbers, made into Prometheus values only when somebody asks for them:
 * prom-client checks and hashes the labels of every observation, which was a tenth of what a hop through the gateway costs.
 */
import type { Metric, Registry } from 'prom-client';

/** Upper bounds of the buckets, seconds. */
const BOUNDS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

interface MethodCalls {
  labels: { service: string; method: string };
  /** By error code, OK where there was none. */
  codes: Map<string, number>;
  /** Calls in each bucket alone; the last is without bound. */
  buckets: number[];
  seconds: number;
}

interface Value {
  labels: Record<string, string | number>;
  value: number;
  metricName?: string;
}

export class CallMetrics {
  #inFlight = 0;
  /** Bounded by the methods of the contract. */
  readonly #methods = new Map<string, MethodCalls>();

  /**
   * Registers plexus_calls_total{service, method, code}, plexus_call_seconds{service, method} (a histogram, from the request's arrival
   * to its answer) and plexus_calls_in_flight.
   */
  constructor(registry: Registry) {
    const register = (
      name: string,
      help: string,
      type: 'counter' | 'histogram' | 'gauge',
      values: () => Value[],
    ): void => {
      const get = async (): Promise<object> => ({ name, help, type, values: values(), aggregator: 'sum' });
      registry.registerMetric({ name, help, type, get, reset: () => this.#methods.clear() } as unknown as Metric);
    };
    register(
      'plexus_calls_total',
      'Calls answered, by method and error code (OK where there was none).',
      'counter',
      () =>
        [...this.#methods.values()].flatMap(({ labels, codes }) =>
          [...codes].map(([code, value]) => ({ labels: { ...labels, code }, value })),
        ),
    );
    register('plexus_call_seconds', 'Seconds from the arrival of a request to its answer.', 'histogram', () =>
      [...this.#methods.values()].flatMap(histogram),
    );
    register('plexus_calls_in_flight', 'Calls being worked on now.', 'gauge', () => [
      { labels: {}, value: this.#inFlight },
    ]);
  }

  begun(): void {
    this.#inFlight++;
  }

  /** `method` is the full name: "plexus.v1.Embed/Embed". */
  ended(method: string, code: string, seconds: number): void {
    this.#inFlight--;
    let calls = this.#methods.get(method);
    if (!calls) {
      const slash = method.indexOf('/');
      calls = {
        labels: { service: method.slice(0, slash), method: method.slice(slash + 1) },
        codes: new Map(),
        buckets: new Array<number>(BOUNDS_SECONDS.length + 1).fill(0),
        seconds: 0,
      };
      this.#methods.set(method, calls);
    }
    calls.codes.set(code, (calls.codes.get(code) ?? 0) + 1);
    calls.seconds += seconds;
    let at = 0;
    while (at < BOUNDS_SECONDS.length && seconds > (BOUNDS_SECONDS[at] as number)) at++;
    (calls.buckets[at] as number)++;
  }
}

/** Buckets as Prometheus wants them: each holds those below it too. */
function histogram({ labels, buckets, seconds }: MethodCalls): Value[] {
  let count = 0;
  const values: Value[] = buckets.map((calls, at) => {
    count += calls;
    const le = BOUNDS_SECONDS[at] ?? '+Inf';
    return { labels: { le, ...labels }, value: count, metricName: 'plexus_call_seconds_bucket' };
  });
  values.push({ labels, value: seconds, metricName: 'plexus_call_seconds_sum' });
  values.push({ labels, value: count, metricName: 'plexus_call_seconds_count' });
  return values;
}
