import assert from 'node:assert/strict';
import { plainText } from '../../chassis/tls.js';
import { createStaticRegistry, parseInstances } from '../../registry/index.js';
import { STATIC_INSTANCES_MAX } from '../../registry/static.js';
import { startServing } from '../kit/serving.js';
import { until } from '../kit/until.js';
import { ids } from './instances.js';
import { createFakeProbes } from './probes.js';

describe('static registry', () => {
  it('reads capabilities and addresses, numbering the instances', () => {
    const found = parseInstances(' embed = a:1 , b:2;classify=[::1]:3; ');
    assert.deepEqual(
      found.map(({ id, capability, address }) => [id, capability, address]),
      [
        ['embed-1', 'embed', 'a:1'],
        ['embed-2', 'embed', 'b:2'],
        ['classify-1', 'classify', '[::1]:3'],
      ],
    );
  });

  for (const [text, message] of [
    ['', /names no instance/],
    ['embed', /"embed" is not capability=host:port/],
    ['=a:1', /"=a:1" is not capability/],
    ['embed=a', /"a" is not host:port/],
    ['embed=a:0', /"a:0" is not host:port/],
    ['embed=a:70000', /"a:70000" is not host:port/],
    ['embed=http://a:1', /is not host:port/],
    [`embed=${'a:1,'.repeat(STATIC_INSTANCES_MAX + 1)}`, /the limit is 1000/],
  ] as const) {
    it(`refuses ${JSON.stringify(text.slice(0, 24))}`, () => {
      assert.throws(() => parseInstances(text), message);
    });
  }

  it('leaves out who does not answer, and keeps all of a capability where none does', () => {
    const probes = createFakeProbes();
    const instances = parseInstances('embed=a:1,b:1;classify=c:1');
    const registry = createStaticRegistry({ instances, tls: plainText, createProbe: probes.create });
    const [embed, all] = [registry.watch('embed'), registry.watch('')];
    assert.equal(ids(embed.instances), 'embed-1 embed-2', 'used before the first answer');
    probes.answer('a:1', 'away');
    assert.equal(ids(embed.instances), 'embed-2');
    probes.answer('b:1', 'away');
    assert.equal(ids(embed.instances), 'embed-1 embed-2');
    assert.equal(ids(all.instances), 'classify-1 embed-1 embed-2');
    probes.answer('a:1', 'serving');
    assert.equal(ids(embed.instances), 'embed-1');
    void registry.close();
    assert.equal(probes.open.size, 0);
  });

  it('notices a real server that dies, and one that comes back', async () => {
    const [one, two] = [await startServing(), await startServing()];
    const instances = parseInstances(`embed=${one.address},${two.address}`);
    const registry = createStaticRegistry({ instances, tls: plainText });
    const watch = registry.watch('embed');
    await watch.ready();
    await one.kill();
    await until(
      'embed-2 alone',
      () => ids(watch.instances),
      (seen) => seen === 'embed-2',
    );
    const again = await startServing('plexus.v1.Embed', { address: one.address });
    await until(
      'both',
      () => ids(watch.instances),
      (seen) => seen === 'embed-1 embed-2',
    );
    await registry.close();
    await again.kill();
    await two.kill();
  });
});
