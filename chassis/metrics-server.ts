/** GET /metrics of a process that has no HTTP server of its own, for Prometheus. Off unless an address is set. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.js';
import { type Settings, text } from './settings.js';

export const metricsSettings = {
  metricsAddress: text({
    env: 'PLEXUS_METRICS_ADDRESS',
    default: '',
    unit: 'host:port',
    reason:
      'Where a service answers GET /metrics over HTTP, for Prometheus. Empty: nowhere. The gateway has it on its HTTP port.',
  }),
} as const;

export type MetricsSettings = Settings<typeof metricsSettings>;

/** Connections at once; a scraper needs one. */
const CONNECTIONS_MAX = 16;

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on "host:port"; rejects where it cannot. */
export async function startMetricsServer(address: string, { registry }: Metrics): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('only GET /metrics is here\n');
      return;
    }
    registry.metrics().then(
      (body) => response.writeHead(200, { 'content-type': registry.contentType }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = 5_000;
  const colon = address.lastIndexOf(':');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(address.slice(colon + 1)), address.slice(0, colon), resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
