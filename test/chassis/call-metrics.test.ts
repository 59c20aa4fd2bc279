/** What a scrape says of calls: against prom-client's own counter and histogram, fed with the same. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CallMetrics } from '../../chassis/call-metrics.js';
import { Counter, Gauge, Histogram, Registry } from '../../chassis/metrics.js';

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

describe('metrics of calls', () => {
  it('say what prom-client would say, whatever the calls were', async () => {
    const call = fc.record({
      method: fc.constantFrom('plexus.v1.Embed/Embed', 'plexus.v1.Embed/Similarity', 'grpc.health.v1.Health/Check'),
      code: fc.constantFrom('OK', 'FIELD_INVALID', 'OVERLOADED'),
      seconds: fc.oneof(fc.constantFrom(...BUCKETS, 0), fc.double({ min: 0, max: 100, noNaN: true })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 60 }), fc.nat(3), async (calls, open) => {
        const registry = new Registry();
        const metrics = new CallMetrics(registry);
        const reference = new Registry();
        const [registers, labelNames] = [[reference], ['service', 'method']];
        const help = 'Calls answered, by method and error code (OK where there was none).';
        const total = new Counter({ name: 'plexus_calls_total', help, labelNames: [...labelNames, 'code'], registers });
        const times = new Histogram({
          name: 'plexus_call_seconds',
          help: 'Seconds from the arrival of a request to its answer.',
          labelNames,
          buckets: BUCKETS,
          registers,
        });
        new Gauge({ name: 'plexus_calls_in_flight', help: 'Calls being worked on now.', registers }).set(open);
        for (let each = 0; each < open; each++) metrics.begun();
        for (const { method, code, seconds } of calls) {
          metrics.begun();
          metrics.ended(method, code, seconds);
          const [service = '', name = ''] = method.split('/');
          total.inc({ service, method: name, code });
          times.observe({ service, method: name }, seconds);
        }
        const lines = async (from: Registry): Promise<string[]> => (await from.metrics()).split('\n').sort();
        assert.deepEqual(await lines(registry), await lines(reference));
      }),
    );
  });
});
