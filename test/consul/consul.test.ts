import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSettings } from '../../chassis/settings.js';
import type { TlsSettings } from '../../chassis/tls.js';
import { consulSettings, openRegistry, type Registry, registrySettings } from '../../registry/index.js';
import { type ConsulProcess, consulOrSkip, makeCertificates, startConsul } from '../kit/consul.js';
import { concurrently, type Scope } from '../kit/facts.js';
import { type Serving, startServing } from '../kit/serving.js';
import { until } from '../kit/until.js';
import { ids, instance } from '../registry/instances.js';

const processFile = fileURLToPath(new URL('../kit/service-process.js', import.meta.url));

const managementToken = 'b1f0a2c4-0000-4000-8000-000000000001';

/** What a fact needs of the world, undone when it ends. */
function kitOf(scope: Scope) {
  const consulEnv = { PLEXUS_CONSUL_CHECK_MS: '500' };
  return {
    async agent(options: Parameters<typeof startConsul>[1] = {}): Promise<ConsulProcess> {
      const consul = await startConsul(binary, options);
      scope.defer(() => consul.stop());
      return consul;
    },
    /** An empty folder. */
    folder(): string {
      const made = mkdtempSync(join(tmpdir(), 'plexus-consul-test-'));
      scope.defer(() => rmSync(made, { recursive: true, force: true }));
      return made;
    },
    async open(consul: { address: string }, env: Record<string, string> = {}, tls?: TlsSettings): Promise<Registry> {
      const settings = { CONSUL_HTTP_ADDR: consul.address, ...consulEnv, ...env };
      const registry = await openRegistry(
        readSettings({ ...registrySettings, ...consulSettings }, settings),
        tls && { tls },
      );
      scope.defer(() => registry.close());
      return registry;
    },
    async service(name?: string): Promise<Serving> {
      const serving = await startServing(name);
      scope.defer(() => serving.kill());
      return serving;
    },
    async serviceProcess(consul: ConsulProcess, id: string): Promise<ChildProcess> {
      const child = spawn(process.execPath, [processFile, id], {
        env: { ...process.env, CONSUL_HTTP_ADDR: consul.address, ...consulEnv },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      scope.defer(() => child.kill('SIGKILL'));
      await once(child.stdout as NodeJS.ReadableStream, 'data');
      return child;
    },
  };
}

async function token(consul: ConsulProcess, rules: string): Promise<string> {
  const name = `policy-${randomUUID()}`;
  await consul.api('PUT', '/v1/acl/policy', { Name: name, Rules: rules });
  const made = await consul.api('PUT', '/v1/acl/token', { Policies: [{ Name: name }] });
  return (made as { SecretID: string }).SecretID;
}

let binary: string;

describe('Consul', function () {
  this.timeout(60_000);
  const fact = concurrently(6, (context) => {
    binary = consulOrSkip(context);
  });

  fact(
    'finds what was registered, with all its facts, models beyond one meta value and weight included',
    async (scope) => {
      const kit = kitOf(scope);
      const consul = await kit.agent();
      const embed = await kit.service();
      const registry = await kit.open(consul);
      const models = Array.from({ length: 60 }, (_, index) => `sentence-embedder-with-a-long-name-${index}@${index}`);
      const given = instance('embed-1', { address: embed.address, models, weight: 42, zone: 'rack-7' });
      const registration = await registry.register(given);
      const watch = registry.watch('embed');
      await watch.ready();
      await until(
        'embed-1',
        () => watch.instances,
        (seen) => seen.length === 1,
      );
      assert.deepEqual(watch.instances, [given]);
      await registration.update({ models: ['minilm@2'], weight: 5 });
      await until(
        'the update',
        () => watch.instances[0]?.models.join(),
        (seen) => seen === 'minilm@2',
      );
      assert.equal(watch.instances[0]?.weight, 5);
      await registration.deregister();
    },
  );

  fact('never shows a gap while an instance updates its models', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const embed = await kit.service();
    const registry = await kit.open(consul);
    const registration = await registry.register(instance('embed-1', { address: embed.address }));
    const watch = registry.watch('embed');
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
    const seen: string[] = [];
    watch.onChange((instances) => seen.push(instances.map(({ models }) => models.join()).join(' ')));
    for (const version of [2, 3, 4]) {
      await registration.update({ models: [`minilm@${version}`] });
      await until(
        'the update',
        () => seen.at(-1),
        (last) => last === `minilm@${version}`,
      );
    }
    assert.deepEqual(seen, ['minilm@1', 'minilm@2', 'minilm@3', 'minilm@4']);
    await registration.deregister();
  });

  fact('drops a process that was killed with -9, and keeps its sibling', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const victim = await kit.serviceProcess(consul, 'embed-1');
    const sibling = await kit.serviceProcess(consul, 'embed-2');
    const registry = await kit.open(consul);
    const watch = registry.watch('embed');
    await until(
      'both',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1 embed-2',
    );
    victim.kill('SIGKILL');
    await until(
      'embed-2 alone',
      () => ids(watch.instances),
      (seen) => seen === 'embed-2',
    );
    await consul.api('PUT', '/v1/agent/service/deregister/plexus-embed-1');
    sibling.kill('SIGTERM');
    await once(sibling, 'exit');
  });

  fact('drains: gone from Consul before the process ends', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const child = await kit.serviceProcess(consul, 'embed-1');
    const registry = await kit.open(consul);
    const watch = registry.watch('embed');
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    assert.deepEqual(await consul.api('GET', '/v1/agent/services'), {});
    await until(
      'nobody',
      () => ids(watch.instances),
      (seen) => seen === '',
    );
  });

  fact('believes no sudden empty list: keeps who still answers, until it answers no more', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const embed = await kit.service();
    const registry = await kit.open(consul);
    await consul.api('PUT', '/v1/agent/service/register', {
      Name: 'plexus-embed',
      ID: 'by-hand',
      Address: '127.0.0.1',
      Port: Number(embed.address.split(':')[1]),
    });
    const watch = registry.watch('embed');
    await until(
      'by-hand',
      () => ids(watch.instances),
      (seen) => seen === 'by-hand',
    );
    const seen: string[] = [];
    watch.onChange((instances) => seen.push(ids(instances)));
    await consul.api('PUT', '/v1/agent/service/deregister/by-hand');
    await until(
      'Consul answers empty to whoever asks',
      () => consul.api('GET', '/v1/health/service/plexus-embed') as Promise<unknown[]>,
      (entries) => entries.length === 0,
    );
    const other = (await kit.open(consul)).watch('embed');
    await other.ready();
    assert.deepEqual(other.instances, []);
    assert.equal(ids(watch.instances), 'by-hand');
    await embed.kill();
    await until(
      'nobody',
      () => ids(watch.instances),
      (now) => now === '',
    );
    assert.deepEqual(seen, ['by-hand', '']);
  });

  fact('registers again with an agent that was restarted empty, and loses nobody meanwhile', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const [one, two] = [await kit.service(), await kit.service()];
    const [services, watcher] = [await kit.open(consul), await kit.open(consul)];
    await services.register(instance('embed-1', { address: one.address }));
    await services.register(instance('embed-2', { address: two.address }));
    const watch = watcher.watch('embed');
    await until(
      'both',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1 embed-2',
    );
    const seen: string[] = [];
    watch.onChange((instances) => seen.push(ids(instances)));
    await consul.restart();
    await until(
      'both registered and passing again',
      () => consul.api('GET', '/v1/health/service/plexus-embed?passing=1') as Promise<unknown[]>,
      (entries) => entries.length === 2,
    );
    await one.kill();
    await until(
      'embed-2 alone',
      () => ids(watch.instances),
      (now) => now === 'embed-2',
    );
    assert.deepEqual(seen, ['embed-1 embed-2', 'embed-2']);
  });

  fact('goes on with the last known while the agent is down, and hears news when it is back', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const embed = await kit.service();
    const [services, watcher] = [await kit.open(consul), await kit.open(consul)];
    const registration = await services.register(instance('embed-1', { address: embed.address }));
    const watch = watcher.watch('embed');
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
    await consul.kill();
    await assert.rejects(consul.api('GET', '/v1/status/leader'));
    await registration.update({ models: ['minilm@2'] }); // cannot be told now; does not fail
    assert.equal(ids(watch.instances), 'embed-1');
    const stranger = (await kit.open(consul)).watch('embed');
    await assert.rejects(stranger.ready(AbortSignal.timeout(300)), { name: 'TimeoutError' });
    assert.equal(ids(watch.instances), 'embed-1');
    await consul.restart();
    await until(
      'the update',
      () => watch.instances[0]?.models.join(),
      (seen) => seen === 'minilm@2',
    );
    assert.equal(ids(watch.instances), 'embed-1');
  });

  fact('opens, registers and watches before the agent is there', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    await consul.kill();
    const embed = await kit.service();
    const registry = await kit.open(consul);
    await registry.register(instance('embed-1', { address: embed.address }));
    const watch = registry.watch('embed');
    await consul.restart();
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
  });

  fact('says REGISTRY_UNAVAILABLE and what to do for a wrong token', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent({ managementToken });
    await assert.rejects(kit.open(consul, { CONSUL_HTTP_TOKEN: 'b1f0a2c4-0000-4000-8000-00000000ffff' }), {
      code: 'REGISTRY_UNAVAILABLE',
      message: /refuses the token \(ACL not found\): check CONSUL_HTTP_TOKEN/,
    });
  });

  fact('says REGISTRY_UNAVAILABLE for no token, where Consul itself answers 200 and an empty list', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent({ managementToken });
    await assert.rejects(kit.open(consul), {
      code: 'REGISTRY_UNAVAILABLE',
      message: /wants an ACL token and none was given: set CONSUL_HTTP_TOKEN/,
    });
  });

  fact('refuses to register with a token that may only read', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent({ managementToken });
    const readOnly = await token(
      consul,
      'service_prefix "plexus-" { policy = "read" } node_prefix "" { policy = "read" }',
    );
    const registry = await kit.open(consul, { CONSUL_HTTP_TOKEN: readOnly });
    await assert.rejects(registry.register(instance('embed-1')), {
      code: 'REGISTRY_UNAVAILABLE',
      message: /refuses the token/,
    });
  });

  fact('registers and discovers with tokens of the least rights, one of them from a file', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent({ managementToken });
    const embed = await kit.service();
    const write = await token(consul, 'service_prefix "plexus-" { policy = "write" }');
    const read = await token(consul, 'service_prefix "plexus-" { policy = "read" } node_prefix "" { policy = "read" }');
    const folder = kit.folder();
    writeFileSync(join(folder, 'token'), `${read}\n`);
    const writer = await kit.open(consul, { CONSUL_HTTP_TOKEN: write });
    const reader = await kit.open(consul, { CONSUL_HTTP_TOKEN_FILE: join(folder, 'token') });
    const registration = await writer.register(instance('embed-1', { address: embed.address }));
    const watch = reader.watch('embed');
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
    await registration.deregister();
  });

  fact('registers over HTTPS with a client certificate, and is checked over mutual TLS', async (scope) => {
    const kit = kitOf(scope);
    const folder = kit.folder();
    const { server, client, caFile } = makeCertificates(binary, folder);
    const consul = await kit.agent({
      config: {
        ca_file: caFile,
        cert_file: server.certFile,
        key_file: server.keyFile,
        verify_incoming_https: true,
        enable_agent_tls_for_checks: true, // what its gRPC checks need to show a certificate, and to trust ours
        server_name: 'server.dc1.consul', // what a check before 1.11 verifies against
      },
    });
    const embed = await startServing('plexus.v1.Embed', { tls: server });
    scope.defer(() => embed.kill());
    const https = { CONSUL_HTTP_ADDR: consul.secureAddress, CONSUL_CACERT: caFile };
    const env = { ...https, CONSUL_CLIENT_CERT: client.certFile, CONSUL_CLIENT_KEY: client.keyFile };
    const registry = await kit.open(consul, env, server);
    await registry.register(instance('embed-1', { address: embed.address }));
    const watch = registry.watch('embed');
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
    // Without its certificate nothing is known, and nothing fails but the registry.
    const stranger = (await kit.open(consul, https)).watch('embed');
    await assert.rejects(stranger.ready(AbortSignal.timeout(500)), { name: 'TimeoutError' });
  });

  fact('finds out that a process is frozen, and that it is back', async (scope) => {
    const kit = kitOf(scope);
    const consul = await kit.agent();
    const frozen = await kit.serviceProcess(consul, 'embed-1');
    await kit.serviceProcess(consul, 'embed-2');
    const watch = (await kit.open(consul)).watch('embed');
    const sees = (wanted: string) =>
      until(
        wanted,
        () => ids(watch.instances),
        (seen) => seen === wanted,
      );
    await sees('embed-1 embed-2');
    frozen.kill('SIGSTOP');
    await sees('embed-2');
    frozen.kill('SIGCONT');
    await sees('embed-1 embed-2');
  });
});
