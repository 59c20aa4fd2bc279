/** A gateway for tests: the pass-through services on a real server, over services that the test implements on real servers. */
import { systemClock } from '../../chassis/clock.js';
import type { ServiceBinding } from '../../chassis/implement.js';
import { createServer } from '../../chassis/server.js';
import { createCapabilityServices, createModelsService } from '../../gateway/api/index.js';
import { createUpstream, type Upstream } from '../../gateway/upstream/index.js';
import type { Instance } from '../../registry/registry.js';
import { testServerSettings } from './settings.js';
import { createFakeRegistry, testInstance, testUpstreamSettings } from './upstream.js';

export interface TestGateway {
  readonly address: string;
  readonly upstream: Upstream;
  stop(): Promise<void>;
}

/** `services` by "capability/id"; each gets a server of its own. */
export async function startTestGateway(
  services: Readonly<Record<string, readonly ServiceBinding[]>>,
  facts: Readonly<Record<string, Partial<Instance>>> = {},
): Promise<TestGateway> {
  const servers = await Promise.all(
    Object.entries(services).map(async ([name, bindings]) => {
      const [capability = '', id = ''] = name.split('/');
      const server = createServer({ services: bindings, address: '127.0.0.1:0', settings: testServerSettings() });
      const port = await server.start();
      for (const binding of bindings) server.health.set(binding.name, 'SERVING');
      return { server, instance: testInstance(id, { capability, address: `127.0.0.1:${port}`, ...facts[name] }) };
    }),
  );
  const registry = createFakeRegistry(servers.map(({ instance }) => instance));
  const upstream = createUpstream({
    registry,
    settings: testUpstreamSettings(),
    clock: systemClock,
    random: Math.random,
  });
  const gateway = createServer({
    services: [...createCapabilityServices(upstream), createModelsService(upstream)],
    address: '127.0.0.1:0',
    settings: testServerSettings(),
  });
  const port = await gateway.start();
  return {
    address: `127.0.0.1:${port}`,
    upstream,
    async stop() {
      await gateway.drain(0);
      await upstream.close();
      await Promise.all(servers.map(({ server }) => server.drain(0)));
    },
  };
}
