/** A gateway as a child process (upstream-process.ts starts it): the pass-through services over a fixed list of instances. */
import { systemClock } from '../../chassis/clock.js';
import { createServer, type ServerSettings } from '../../chassis/server.js';
import { createCapabilityServices } from '../../gateway/api/index.js';
import { createUpstream, type UpstreamSettings } from '../../gateway/upstream/index.js';
import type { Instance } from '../../registry/registry.js';
import { testServerSettings } from './settings.js';
import { createFakeRegistry, testUpstreamSettings } from './upstream.js';

const {
  port,
  instances,
  settings,
  server: serverSettings,
} = JSON.parse(process.argv[3] ?? '{}') as {
  port?: number;
  instances: Instance[];
  settings?: Partial<UpstreamSettings>;
  server?: Partial<ServerSettings>;
};
const upstream = createUpstream({
  registry: createFakeRegistry(instances),
  settings: testUpstreamSettings(settings),
  clock: systemClock,
  random: Math.random,
});
const services = createCapabilityServices(upstream);
const server = createServer({
  services,
  address: `127.0.0.1:${port ?? 0}`,
  settings: testServerSettings({ callsMax: 5_000, ...serverSettings }),
});
const bound = await server.start();
for (const { name } of services) server.health.set(name, 'SERVING');
process.once('SIGTERM', () => void server.drain(2_000).then(() => process.exit(0)));
process.once('disconnect', () => process.exit(0)); // the test is gone
process.send?.({ port: bound });
