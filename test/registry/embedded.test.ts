import assert from 'node:assert/strict';
import { createChannel } from '../../chassis/channel.js';
import { definition } from '../../protos/index.js';
import {
  createEmbeddedRegistry,
  createEmbeddedRegistryServer,
  type EmbeddedRegistryServerOptions,
  type Registry,
} from '../../registry/index.js';
import { createVirtualClock } from '../kit/clock.js';
import { type Serving, startServing } from '../kit/serving.js';
import { until } from '../kit/until.js';
import { ids, instance } from './instances.js';
import { createFakeProbes } from './probes.js';

describe('embedded registry', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function host(address = '127.0.0.1:0', options: EmbeddedRegistryServerOptions = {}) {
    const registry = createEmbeddedRegistryServer(options);
    const serving = await startServing('plexus.v1.Registry', { services: [registry.binding], address });
    const stop = async (): Promise<void> => {
      registry.close();
      await serving.kill();
    };
    ends.push(stop);
    return { registry, address: serving.address, stop };
  }
  async function service(name = 'plexus.v1.Embed'): Promise<Serving> {
    const serving = await startServing(name);
    ends.push(() => serving.kill());
    return serving;
  }
  function client(address: string, graceMs = 60_000): Registry {
    const registry = createEmbeddedRegistry({ address, graceMs });
    ends.push(() => registry.close());
    return registry;
  }

  it('knows an instance with all its facts while it is announced and serving', async () => {
    const { address } = await host();
    const embed = await service();
    const registry = client(address);
    const watch = registry.watch('embed');
    await watch.ready();
    assert.deepEqual(watch.instances, []);
    const given = instance('embed-1', { address: embed.address, models: ['minilm@1', 'mpnet@2'], weight: 7 });
    await registry.register(given);
    await until(
      'embed-1 is seen',
      () => watch.instances,
      (seen) => seen.length === 1,
    );
    assert.deepEqual(watch.instances, [given]);
  });

  it('tells only of the capability that is watched, and of all for ""', async () => {
    const { address } = await host();
    const [embed, classify] = [await service(), await service('plexus.v1.Classify')];
    const registry = client(address);
    await registry.register(instance('embed-1', { address: embed.address }));
    await registry.register(instance('classify-1', { address: classify.address }));
    const all = registry.watch('');
    const some = registry.watch('classify');
    await until(
      'both',
      () => ids(all.instances),
      (seen) => seen === 'classify-1 embed-1',
    );
    await until(
      'one',
      () => ids(some.instances),
      (seen) => seen === 'classify-1',
    );
  });

  it('keeps an instance out until its health check answers SERVING, and out again when it drains', async () => {
    const { address, registry: hosted } = await host();
    const [one, two] = [await service(), await service()];
    one.set('NOT_SERVING');
    const registry = client(address);
    const watch = registry.watch('embed');
    await registry.register(instance('embed-1', { address: one.address }));
    await registry.register(instance('embed-2', { address: two.address }));
    await until(
      'embed-2',
      () => ids(watch.instances),
      (seen) => seen === 'embed-2',
    );
    assert.equal(hosted.instances.length, 2);
    one.set('SERVING');
    await until(
      'both',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1 embed-2',
    );
    two.set('NOT_SERVING');
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
  });

  it('forgets at once what deregisters, and what loses its stream', async () => {
    const { address, registry: hosted } = await host();
    const embed = await service();
    const [watcher, first, second] = [client(address), client(address), client(address)];
    const watch = watcher.watch('embed');
    const registration = await first.register(instance('embed-1', { address: embed.address }));
    await second.register(instance('embed-2', { address: embed.address }));
    await until(
      'both',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1 embed-2',
    );
    await registration.deregister();
    assert.deepEqual(
      hosted.instances.map(({ id }) => id),
      ['embed-2'],
    );
    await until(
      'embed-2',
      () => ids(watch.instances),
      (seen) => seen === 'embed-2',
    );
    await second.close(); // what the end of a process does to its connections
    await until(
      'nobody is announced',
      () => hosted.instances,
      (seen) => seen.length === 0,
    );
  });

  it('tells of new models without a gap', async () => {
    const { address } = await host();
    const embed = await service();
    const registry = client(address);
    const watch = registry.watch('embed');
    const seen: string[] = [];
    watch.onChange((instances) => seen.push(instances.map(({ models }) => models.join('+')).join()));
    const registration = await registry.register(instance('embed-1', { address: embed.address }));
    await until(
      'first',
      () => seen.at(-1),
      (last) => last === 'minilm@1',
    );
    await registration.update({ models: ['minilm@2'], weight: 3 });
    await until(
      'second',
      () => seen.at(-1),
      (last) => last === 'minilm@2',
    );
    assert.deepEqual(seen, ['', 'minilm@1', 'minilm@2']);
    assert.equal(watch.instances[0]?.weight, 3);
  });

  it('keeps the last known while the registry is away, and loses nobody when it comes back empty', async () => {
    const { address, stop } = await host();
    const [one, two] = [await service(), await service()];
    const [watcher, services] = [client(address), client(address)];
    const watch = watcher.watch('embed');
    await services.register(instance('embed-1', { address: one.address }));
    await services.register(instance('embed-2', { address: two.address }));
    await until(
      'both',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1 embed-2',
    );
    const seen: string[] = [];
    watch.onChange((instances) => seen.push(ids(instances)));
    await stop();
    const { registry: again } = await host(address);
    await until(
      'both announced again',
      () => again.instances.filter(({ healthy }) => healthy),
      (now) => now.length === 2,
    );
    await one.kill();
    await until(
      'embed-2',
      () => ids(watch.instances),
      (now) => now === 'embed-2',
    );
    assert.deepEqual(seen, ['embed-1 embed-2', 'embed-2']);
  });

  it('registers with a registry that is not there yet, as soon as it is', async () => {
    const embed = await service();
    const { address, stop } = await host();
    await stop();
    const registry = client(address);
    await registry.register(instance('embed-1', { address: embed.address }));
    const watch = registry.watch('embed');
    await host(address);
    await until(
      'embed-1',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1',
    );
  });

  it('lets the last announcement of an id win, whichever stream ends first', async () => {
    const { address, registry: hosted } = await host();
    const embed = await service();
    const [old, young] = [client(address), client(address)];
    await old.register(instance('embed-1', { address: '127.0.0.1:9' }));
    await young.register(instance('embed-1', { address: embed.address }));
    await old.close();
    const watch = young.watch('embed');
    await until(
      'embed-1',
      () => watch.instances[0]?.address,
      (seen) => seen === embed.address,
    );
    assert.equal(hosted.instances.length, 1);
  });

  describe('on the wire', () => {
    function wire(address: string) {
      const channel = createChannel(address);
      ends.push(() => channel.close());
      const { Announce, Watch } = definition('plexus.v1.Registry');
      return {
        /** Announces these and keeps the stream open; the answers as they come. */
        announce(announced: readonly object[], deadlineMs = Date.now() + 10_000) {
          async function* requests() {
            for (const each of announced) yield { instance: each };
            await new Promise(() => {});
          }
          return channel.bidi(Announce, requests(), { deadlineMs })[Symbol.asyncIterator]();
        },
        watch: () => channel.serverStream(Watch, {}, { deadlineMs: Date.now() + 10_000 })[Symbol.asyncIterator](),
      };
    }

    it('refuses an instance without id, capability or address, and one with too much of them, naming the field', async () => {
      const { address } = await host();
      const good = { id: 'a', capability: 'embed', address: 'a:1' };
      for (const [bad, code, message] of [
        [{ ...good, id: '' }, 'FIELD_REQUIRED', /instance\.id/],
        [{ ...good, capability: '' }, 'FIELD_REQUIRED', /instance\.capability/],
        [{ ...good, address: '' }, 'FIELD_REQUIRED', /instance\.address/],
        [{ ...good, id: 'a'.repeat(257) }, 'TEXT_TOO_LONG', /instance\.id/],
        [{ ...good, models: Array(1_001).fill('m') }, 'TOO_MANY_ITEMS', /instance\.models/],
      ] as const) {
        await assert.rejects(wire(address).announce([bad]).next(), { code, message });
      }
    });

    it('refuses the instance and the watch beyond its limits', async () => {
      const { address } = await host('127.0.0.1:0', {
        instancesMax: 2,
        watchesMax: 1,
        createProbe: createFakeProbes().create,
      });
      const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id, capability: 'embed', address: `${id}:1` }));
      const stream = wire(address).announce([a, b, a, c] as object[]);
      for (let count = 0; count < 3; count++)
        assert.equal((await stream.next()).done, false, 'known ones may speak again');
      await assert.rejects(stream.next(), { code: 'OVERLOADED', message: /2 instances/ });
      const first = wire(address).watch();
      assert.equal((await first.next()).done, false);
      await assert.rejects(wire(address).watch().next(), { code: 'OVERLOADED', message: /1 callers/ });
      await first.return?.();
      await until('the place is free again', () =>
        wire(address)
          .watch()
          .next()
          .then(
            () => true,
            () => false,
          ),
      );
    });

    it('keeps an instance whose stream ended because its time was up, for five seconds', async () => {
      const clock = createVirtualClock(Date.now() + 60_000); // whatever the deadline, it is near
      const { address, registry } = await host('127.0.0.1:0', { clock, createProbe: createFakeProbes().create });
      const stream = wire(address).announce([{ id: 'a', capability: 'embed', address: 'a:1' }], Date.now() + 300);
      await stream.next();
      await assert.rejects(stream.next(), { code: 'DEADLINE_EXCEEDED' });
      await until(
        'the end has arrived',
        () => clock.pending,
        (pending) => pending === 1,
      );
      await clock.advance(4_999);
      assert.equal(registry.instances.length, 1);
      await clock.advance(1);
      assert.equal(registry.instances.length, 0);
    });
  });
});
