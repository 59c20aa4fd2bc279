/** A graph of one's own in a real mesh: put into a folder, served by `plexus up`, called in every way there is. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createChannel } from '../../chassis/channel.js';
import { createClient, type PlexusClient } from '../../client/index.js';
import { createHttp2Transport } from '../../gateway/upstream/index.js';
import { type Synthetic, synthetic } from '../../gateway/upstream/synthetic.js';
import { definition } from '../../protos/index.js';
import { plexus } from '../kit/cli.js';
import { type Mesh, startMesh } from '../kit/mesh.js';
import { temporaryFolders, writeFiles } from '../kit/model-folder.js';
import { onnxModel } from '../kit/onnx.js';

const scale = Buffer.from(
  onnxModel({
    steps: [{ op: 'Mul', inputs: ['x', 'by'], outputs: ['y'] }],
    inputs: [
      { name: 'x', type: 'float32', shape: ['batch', 2] },
      { name: 'by', type: 'float32', shape: ['batch', 1] },
    ],
    outputs: [{ name: 'y', type: 'float32', shape: ['batch', 2] }],
  }),
);

const PIPELINE = `
name: scaled
version: "1"
input:
  numbers: { type: list<double> }
  by: { type: double, default: 2.0 }
steps:
  scaled:
    call: infer.Infer
    with:
      model: scale
      inputs:
        - { name: x, shape: [1, 2], values: "\${input.numbers}" }
        - { name: by, shape: [1, 1], values: ["\${input.by}"] }
      format: TENSOR_FORMAT_VALUES
output:
  numbers: \${steps.scaled.outputs[0].values}
`;

describe('a mesh with a graph of its own', function () {
  this.timeout(90_000);
  const temporary = temporaryFolders();
  let mesh: Mesh;
  let client: PlexusClient;

  before(async () => {
    const root = temporary();
    writeFiles(root, {
      'models/scale/model.onnx': scale,
      'models/scale/config.json': '{"batchable": true}',
      'models/broken/model.onnx': 'no graph',
      'pipelines/scaled.yaml': PIPELINE,
    });
    mesh = await startMesh([], { PLEXUS_MODELS: join(root, 'models'), PLEXUS_PIPELINES: join(root, 'pipelines') });
    client = createClient(mesh.grpc);
  });
  after(async () => {
    client?.close();
    await mesh?.stop();
  });

  it('starts the infer service because the graph is there, one that cannot be opened beside it', async () => {
    assert.match(mesh.output, /^infer-1 +127\.0\.0\.1:\d+ +scale@1 +ready$/m);
    assert.equal((await client.health.check({ service: 'plexus.v1.Infer' })).status, 'SERVING');
    const { models } = await client.models.list({ capability: 'infer' });
    const states = models.filter(({ task }) => task === 'infer').map(({ name, state }) => [name, state]);
    assert.deepEqual(states, [
      ['broken', 'MODEL_STATE_FAILED'],
      ['scale', 'MODEL_STATE_READY'],
    ]);
  });

  it('is called by its tensors through the gateway, many at once', async () => {
    const calls = Array.from({ length: 50 }, (_, index) =>
      client.infer.infer({
        model: 'scale',
        inputs: [
          { name: 'x', type: 'DATA_TYPE_FLOAT32', shape: [1, 2], data: Buffer.from(Float32Array.of(index, 1).buffer) },
          { name: 'by', shape: [1, 1], values: [index] },
        ],
      }),
    );
    for (const [index, { outputs, model }] of (await Promise.all(calls)).entries()) {
      assert.deepEqual(outputs[0]?.data, Buffer.from(Float32Array.of(index * index, index).buffer));
      assert.equal(model?.instance, 'infer-1');
    }
    const { stats } = await client.models.stats({ model: 'scale', capability: 'infer' });
    assert.equal(stats[0]?.requests, 50);
  });

  it('says through the gateway what does not fit', async () => {
    const call = client.infer.infer({ model: 'scale', inputs: [{ name: 'x', shape: [1, 3], values: [1, 2, 3] }] });
    await assert.rejects(call, {
      code: 'FIELD_INVALID',
      message: /^inputs\[0\]\.shape: .*dimension 1 must be 2, is 3/,
    });
  });

  it('is called over HTTP', async () => {
    const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      return (await (await fetch(`http://${mesh.http}${path}`, init)).json()) as Record<string, unknown>;
    };
    const inputs = [
      { name: 'x', shape: ['1', '2'], values: [3, 4] },
      { name: 'by', shape: [1, 1], values: [10] },
    ];
    const answer = await post('/v1/infer/infer', { model: 'scale', inputs, format: 'TENSOR_FORMAT_VALUES' });
    assert.deepEqual(answer.outputs, [{ name: 'y', type: 'DATA_TYPE_FLOAT32', shape: ['1', '2'], values: [30, 40] }]);
    const described = await post('/v1/infer/describe-model', { model: 'scale' });
    assert.equal(described.batchable, true);
  });

  it('is called and described from the command line', async () => {
    const json = '{"x": [[1, 2], [3, 4]], "by": [[2], [0.5]]}';
    const called = await plexus(['call', 'infer', json, '--model', 'scale', '--address', mesh.grpc]);
    assert.equal(called.code, 0, called.stderr);
    assert.match(called.stdout, /^y {2}float32 \[2, 2\] {2}2, 4, 1\.5, 2$/m);
    const described = await plexus(['call', 'infer.describeModel', '--model', 'scale', '--address', mesh.grpc]);
    assert.match(described.stdout, /^input +x +float32 +\[batch, 2\]$/m, described.stderr);
    const uneven = await plexus(['call', 'infer', '{"x": [[1, 2], [3]]}', '--model', 'scale', '--address', mesh.grpc]);
    assert.match(uneven.stderr, /error USAGE: .*not all of the same length/);
  });

  it('is a step of a pipeline', async () => {
    const { stdout, stderr, code } = await plexus([
      'run',
      'scaled',
      '--input',
      '{"numbers": [1.5, -2]}',
      '--json',
      '--address',
      mesh.grpc,
    ]);
    assert.equal(code, 0, stderr);
    assert.deepEqual((JSON.parse(stdout) as { output: unknown }).output, { numbers: [3, -4] });
  });

  it('is called by clients of the Open Inference Protocol', async () => {
    const channel = createChannel(mesh.grpc);
    const { ModelInfer, ServerReady, ModelReady } = definition('inference.GRPCInferenceService');
    const options = { deadlineMs: Date.now() + 10_000 };
    try {
      assert.deepEqual((await channel.unary(ServerReady, {}, options)).response, { ready: true });
      assert.deepEqual((await channel.unary(ModelReady, { name: 'scale', version: '1' }, options)).response, {
        ready: true,
      });
      const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
      const { response } = await channel.unary(
        ModelInfer,
        {
          modelName: 'scale',
          inputs: [
            { name: 'x', datatype: 'FP32', shape: [1, 2] },
            { name: 'by', datatype: 'FP32', shape: [1, 1] },
          ],
          rawInputContents: [floats(1, 2), floats(3)],
        },
        options,
      );
      assert.deepEqual(response.rawOutputContents, [floats(3, 6)]);
    } finally {
      channel.close();
    }
  });

  it('answers the zeros that the gateway would probe it with', async () => {
    const address = /^infer-1 +(127\.0\.0\.1:\d+)/m.exec(mesh.output)?.[1] as string;
    const transport = createHttp2Transport(address);
    const asked: string[] = [];
    const ask = async ({ method, request }: Synthetic): Promise<Buffer> => {
      asked.push(method);
      const options = { deadlineMs: Date.now() + 10_000, metadata: undefined };
      return (await transport.unary(method, request, options).answer).response;
    };
    const response = await ask(await synthetic({ capability: 'infer', models: ['scale@1'] }, ask));
    transport.close();
    assert.deepEqual(asked, ['plexus.v1.Infer/DescribeModel', 'plexus.v1.Infer/Infer']);
    const { outputs } = definition('plexus.v1.Infer').Infer.responseDeserialize(response);
    assert.deepEqual(outputs[0]?.data, Buffer.alloc(8));
  });
});
