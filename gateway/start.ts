/** The gateway as a process: settings from its environment, the registry they name, then everything in gateway.ts. */
import { systemClock } from '../chassis/clock.js';
import { createLogger } from '../chassis/log.js';
import { advertisedAddress, instanceName, processSettings } from '../chassis/process.js';
import { serverSettings } from '../chassis/server.js';
import { readSettings } from '../chassis/settings.js';
import { tlsSettings } from '../chassis/tls.js';
import { consulSettings, openRegistry, registrySettings } from '../registry/index.js';
import { type Gateway, runGateway } from './gateway.js';
import { gatewaySettings } from './settings.js';
import { upstreamSettings } from './upstream/index.js';

/** Where the CLI looks for it; services take any free port instead. */
const ADDRESS_DEFAULT = '127.0.0.1:50050';

/** Starts from PLEXUS_* variables (docs/settings.md); resolves when both ports answer and the registry has been told. */
export async function startGateway(env: Readonly<Record<string, string | undefined>>): Promise<Gateway> {
  const read = { ...env, PLEXUS_ADDRESS: env.PLEXUS_ADDRESS || ADDRESS_DEFAULT };
  const process = readSettings(processSettings, read);
  const server = readSettings(serverSettings, read);
  const gateway = readSettings(gatewaySettings, read);
  const upstream = readSettings(upstreamSettings, read);
  const tls = readSettings(tlsSettings, read);
  const registryOptions = readSettings({ ...registrySettings, ...consulSettings }, read);
  const instance = instanceName(process, 'gateway');
  const log = createLogger(instance, process.logLevel);
  const registry = await openRegistry(registryOptions, { tls, log });
  try {
    const running = await runGateway({
      settings: { server, gateway, upstream, tls },
      registry,
      log,
      clock: systemClock,
      address: process.address,
      httpAddress: gateway.httpAddress,
      advertise: (port) => advertisedAddress(process, port),
      zone: registryOptions.zone,
      instance,
      processMetrics: true,
    });
    log.info({ grpc: running.grpcPort, http: running.httpPort }, 'ready');
    return {
      ...running,
      async stop() {
        await running.stop();
        await registry.close();
      },
    };
  } catch (error) {
    await registry.close();
    throw error;
  }
}
