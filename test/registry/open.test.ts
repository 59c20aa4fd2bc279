import assert from 'node:assert/strict';
import { readSettings } from '../../chassis/settings.js';
import { consulSettings, openRegistry, registryKind, registrySettings } from '../../registry/index.js';

function settings(env: Record<string, string>) {
  return readSettings({ ...registrySettings, ...consulSettings }, env);
}

describe('openRegistry', () => {
  for (const [env, kind] of [
    [{}, 'embedded'],
    [{ CONSUL_HTTP_ADDR: '127.0.0.1:1' }, 'consul'],
    [{ PLEXUS_INSTANCES: 'embed=a:1' }, 'static'],
    [{ CONSUL_HTTP_ADDR: '127.0.0.1:1', PLEXUS_REGISTRY: 'embedded' }, 'embedded'],
    [{ PLEXUS_REGISTRY: 'consul' }, 'consul'],
  ] as const) {
    it(`picks ${kind} for ${JSON.stringify(env)}`, () => assert.equal(registryKind(settings(env)), kind));
  }

  it('opens each driver, also where nothing answers', async () => {
    for (const env of [
      { PLEXUS_REGISTRY_ADDRESS: '127.0.0.1:1' },
      { PLEXUS_INSTANCES: 'embed=127.0.0.1:1' },
      { CONSUL_HTTP_ADDR: '127.0.0.1:1' },
    ]) {
      const registry = await openRegistry(settings(env));
      const watch = registry.watch('embed');
      assert.ok(Array.isArray(watch.instances));
      await registry.close();
      registry.watch('embed').close();
    }
  });

  it('refuses an address and a list that make no sense', async () => {
    await assert.rejects(openRegistry(settings({ CONSUL_HTTP_ADDR: 'http://' })), /CONSUL_HTTP_ADDR is "http:\/\/"/);
    await assert.rejects(openRegistry(settings({ PLEXUS_INSTANCES: 'embed' })), /PLEXUS_INSTANCES/);
  });

  it('names every mistake in the settings at once', () => {
    const read = (): unknown =>
      settings({ PLEXUS_REGISTRY: 'zookeeper', PLEXUS_CONSUL_CHECK_MS: 'often', CONSUL_HTTP_SSL: 'maybe' });
    for (const mistake of [
      /PLEXUS_REGISTRY is "zookeeper"/,
      /PLEXUS_CONSUL_CHECK_MS is "often"/,
      /CONSUL_HTTP_SSL is "maybe"/,
    ]) {
      assert.throws(read, mistake);
    }
  });
});
