/** GET /metrics as Prometheus asks for it. */
import assert from 'node:assert/strict';
import { createMetrics } from '../../chassis/metrics.js';
import { type MetricsServer, startMetricsServer } from '../../chassis/metrics-server.js';

describe('metrics server', () => {
  let server: MetricsServer;

  before(async () => {
    const metrics = createMetrics({ defaults: false });
    metrics.calls.begun();
    metrics.calls.ended('plexus.v1.Embed/Embed', 'OK', 0.002);
    server = await startMetricsServer('127.0.0.1:0', metrics);
  });
  after(() => server.close());

  it('answers with what the process has counted', async () => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    assert.equal(answer.status, 200);
    assert.match(
      await answer.text(),
      /^plexus_calls_total\{service="plexus\.v1\.Embed",method="Embed",code="OK"\} 1$/m,
    );
  });

  it('has nothing else', async () => {
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/`)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/metrics`, { method: 'POST' })).status, 404);
  });
});
