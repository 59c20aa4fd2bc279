/** `npm start -- --registry consul` against a real agent: the whole mesh in Consul's catalog, and gone from it after Ctrl-C. */
import assert from 'node:assert/strict';
import { createClient } from '../../client/index.js';
import { type ConsulProcess, consulOrSkip, startConsul } from '../kit/consul.js';
import { startMesh } from '../kit/mesh.js';

describe('plexus up with Consul', function () {
  this.timeout(90_000);
  let consul: ConsulProcess | undefined;

  after(() => consul?.stop());

  it('registers five processes, answers through them, and leaves an empty catalog', async function () {
    consul = await startConsul(consulOrSkip(this));
    const mesh = await startMesh(['--registry', 'consul'], { CONSUL_HTTP_ADDR: consul.address });
    assert.match(mesh.output, /registry: consul/);
    const capabilities = ['tokenize', 'embed', 'classify', 'summarize', 'gateway'].map((name) => `plexus-${name}`);
    assert.deepEqual((await catalog(consul)).sort(), [...capabilities].sort());
    const client = createClient(mesh.grpc);
    const { classifications } = await client.classify.classify({ texts: ['a wonderful film'] });
    assert.equal(classifications[0]?.labels[0]?.label, 'POSITIVE');
    client.close();
    assert.equal(await mesh.stop(), 0);
    assert.deepEqual(await catalog(consul), []);
  });
});

async function catalog({ address }: ConsulProcess): Promise<string[]> {
  const answer = await fetch(`http://${address}/v1/catalog/services`);
  return Object.keys((await answer.json()) as object).filter((name) => name.startsWith('plexus-'));
}
