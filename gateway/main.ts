/** The gateway as a process: its settings from the environment, its registry, its log. What `plexus serve gateway` runs. */
import { systemClock } from '../chassis/clock.js';
import { createLogger } from '../chassis/log.js';
import { instanceName, processSettings } from '../chassis/process.js';
import { serverSettings } from '../chassis/server.js';
import { readSettings, text } from '../chassis/settings.js';
import { tlsSettings } from '../chassis/tls.js';
import { consulSettings, openRegistry, registrySettings } from '../registry/index.js';
import { gatewaySettings } from './settings.js';
import { startGateway } from './start.js';
import { upstreamSettings } from './upstream/index.js';

export const httpSettings = {
  httpAddress: text({
    env: 'PLEXUS_HTTP_ADDRESS',
    default: '127.0.0.1:8080',
    unit: 'host:port',
    reason: 'Where the HTTP server listens. Loopback by default: nothing is exposed unasked.',
  }),
} as const;

/** Starts a gateway from its environment; resolves when both servers listen and it is registered. */
export async function startGatewayProcess(
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ stop(): Promise<void> }> {
  const own = readSettings({ ...processSettings, ...httpSettings }, env);
  const settings = {
    server: readSettings(serverSettings, env),
    gateway: readSettings(gatewaySettings, env),
    upstream: readSettings(upstreamSettings, env),
    tls: readSettings(tlsSettings, env),
  };
  const instance = instanceName(own, 'gateway');
  const log = createLogger(instance, own.logLevel);
  const registryOptions = readSettings({ ...registrySettings, ...consulSettings }, env);
  const registry = await openRegistry(registryOptions, { tls: settings.tls, log });
  const gateway = await startGateway({
    settings,
    registry,
    log,
    clock: systemClock,
    address: own.address,
    httpAddress: own.httpAddress,
    instance,
    zone: registryOptions.zone,
    ...(own.advertise !== '' && { advertise: own.advertise }),
    processMetrics: true,
  });
  log.info({ grpc: gateway.grpcPort, http: gateway.httpPort }, 'ready');
  return {
    async stop() {
      await gateway.stop();
      await registry.close();
    },
  };
}
