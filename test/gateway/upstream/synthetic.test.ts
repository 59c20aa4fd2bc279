import assert from 'node:assert/strict';
import { MeshError } from '../../../chassis/errors.js';
import { type Synthetic, synthetic } from '../../../gateway/upstream/synthetic.js';
import { definition } from '../../../protos/index.js';

describe('synthetic input', () => {
  const { DescribeModel, Infer } = definition('plexus.v1.Infer');
  const described = (inputs: object[]) => (): Promise<Buffer> =>
    Promise.resolve(DescribeModel.responseSerialize({ inputs }));
  const never = (): Promise<Buffer> => assert.fail('nothing is to be asked');

  it('is a text where the capability takes texts, and health where it is not known', async () => {
    const { method, request } = await synthetic({ capability: 'embed', models: ['m@1'] }, never);
    assert.equal(method, 'plexus.v1.Embed/Embed');
    assert.deepEqual(definition('plexus.v1.Embed').Embed.requestDeserialize(request).texts, ['plexus']);
    for (const instance of [
      { capability: 'other', models: ['m@1'] },
      { capability: 'infer', models: [] },
    ])
      assert.equal((await synthetic(instance, never)).method, 'grpc.health.v1.Health/Check');
  });

  it('is zeros for every input that the first model of infer describes', async () => {
    const asked: Synthetic[] = [];
    const answer = described([
      { name: 'x', type: 'DATA_TYPE_FLOAT32', shape: [{ symbol: 'batch' }, { fixed: 3 }] },
      { name: 'ids', type: 'DATA_TYPE_INT64', shape: [] },
      { name: 'words', type: 'DATA_TYPE_STRING', shape: [{ fixed: 2 }] },
    ]);
    const { method, request } = await synthetic({ capability: 'infer', models: ['scale@1', 'other@1'] }, (call) => {
      asked.push(call);
      return answer();
    });
    assert.deepEqual(
      asked.map((call) => [call.method, DescribeModel.requestDeserialize(call.request).model]),
      [['plexus.v1.Infer/DescribeModel', 'scale@1']],
    );
    assert.equal(method, 'plexus.v1.Infer/Infer');
    const { model, inputs } = Infer.requestDeserialize(request);
    assert.equal(model, 'scale@1');
    assert.deepEqual(
      inputs.map(({ name, shape, data, strings }) => [name, shape, data.length, strings]),
      [
        ['x', [1, 3], 12, []],
        ['ids', [], 8, []],
        ['words', [2], 0, ['', '']],
      ],
    );
  });

  it('is health where zeros would be many, and fails as what it asks does', async () => {
    const large = described([{ name: 'x', type: 'DATA_TYPE_UINT8', shape: [{ fixed: 2 ** 20 + 1 }] }]);
    const infer = { capability: 'infer', models: ['m@1'] };
    assert.equal((await synthetic(infer, large)).method, 'grpc.health.v1.Health/Check');
    const gone = new MeshError('UPSTREAM_UNREACHABLE', 'gone');
    await assert.rejects(
      synthetic(infer, () => Promise.reject(gone)),
      gone,
    );
  });
});
