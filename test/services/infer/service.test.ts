/** plexus.v1.Infer and the Open Inference Protocol on a real server, over graphs the test writes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ErrorCode } from '../../../chassis/errors.js';
import type { InferStreamRequest } from '../../../protos/gen/plexus/v1/InferStreamRequest.js';
import type { Tensor } from '../../../protos/gen/plexus/v1/Tensor.js';
import { definition } from '../../../protos/index.js';
import * as infer from '../../../services/infer/index.js';
import type { InferModel } from '../../../services/infer/model.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { temporaryFolders, writeFiles } from '../../kit/model-folder.js';
import { identity, onnxModel } from '../../kit/onnx.js';
import { refuses } from '../../kit/refused.js';

const scale = onnxModel({
  steps: [{ op: 'Mul', inputs: ['x', 'by'], outputs: ['y'] }],
  inputs: [
    { name: 'x', type: 'float32', shape: ['batch', 2] },
    { name: 'by', type: 'float32', shape: ['batch', 1] },
  ],
  outputs: [{ name: 'y', type: 'float32', shape: ['batch', 2] }],
});
const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const timeout = () => ({ deadlineMs: Date.now() + 60_000 });

describe('the infer service', () => {
  const temporary = temporaryFolders();
  let served: ServedCapability<InferModel>;
  before(async function () {
    const root = temporary();
    writeFiles(root, {
      'scale/model.onnx': Buffer.from(scale),
      'rows/model.onnx': Buffer.from(scale),
      'rows/config.json': '{"batchable": true}',
      'text/2/model.onnx': Buffer.from(identity('string', ['n'])),
      'half/model.onnx': Buffer.from(identity('float16', ['n', ''])),
      'long/model.onnx': Buffer.from(identity('int64', ['n'])),
    });
    served = await serveCapability(this, infer, ['scale', 'rows', 'text', 'half', 'long'], {}, root);
  });
  after(() => served?.close());

  const x: Tensor & { data: Buffer } = {
    name: 'x',
    type: 'DATA_TYPE_FLOAT32',
    shape: [2, 2],
    data: floats(1, 2, 3, 4),
  };
  const by: Tensor & { data: Buffer } = { name: 'by', type: 'DATA_TYPE_FLOAT32', shape: [2, 1], data: floats(10, 100) };

  it('gives the outputs as bytes, and says who answered and where the time went', async () => {
    const { response, trailers } = await served.channel.unary(
      definition('plexus.v1.Infer').Infer,
      { inputs: [x, by] },
      timeout(),
    );
    assert.deepEqual(response.outputs, [
      { name: 'y', type: 'DATA_TYPE_FLOAT32', shape: [2, 2], data: floats(10, 20, 300, 400), values: [], strings: [] },
    ]);
    const { name, version, instance } = response.model ?? {};
    assert.deepEqual([name, version, instance], ['scale', '1', 'infer-1']);
    assert.equal(response.usage?.texts, 1);
    assert.ok((response.timings?.computeMs ?? 0) > 0);
    assert.equal(trailers['x-plexus-model'], 'scale@1');
  });

  it('takes and gives plain numbers, of the type the model has there', async () => {
    const { outputs } = await served.client.infer.infer({
      model: 'rows',
      inputs: [
        { name: 'by', shape: [1, 1], values: [0.5] },
        { name: 'x', shape: [1, 2], values: [3, Number.NaN] },
      ],
      format: 'TENSOR_FORMAT_VALUES',
    });
    assert.deepEqual(outputs[0]?.values, [1.5, Number.NaN]);
    assert.deepEqual(outputs[0]?.shape, [1, 2]);
    const half = await served.client.infer.infer({
      model: 'half',
      inputs: [{ name: 'x', shape: [1, 2], values: [0.1, -70_000] }],
      format: 'TENSOR_FORMAT_VALUES',
    });
    assert.deepEqual(half.outputs[0]?.values, [0.0999755859375, Number.NEGATIVE_INFINITY]);
  });

  it('takes and gives strings, and a version by name', async () => {
    const { outputs, model } = await served.client.infer.infer({
      model: 'text@2',
      inputs: [{ name: 'x', shape: [2], strings: ['', 'çedilla'] }],
    });
    assert.deepEqual(outputs[0]?.strings, ['', 'çedilla']);
    assert.equal(model?.version, '2');
  });

  it('describes a model', async () => {
    const { inputs, outputs, batchable } = await served.client.infer.describeModel({ model: 'rows' });
    assert.deepEqual(inputs, [
      {
        name: 'x',
        type: 'DATA_TYPE_FLOAT32',
        shape: [
          { size: 'symbol', symbol: 'batch' },
          { size: 'fixed', fixed: 2 },
        ],
      },
      {
        name: 'by',
        type: 'DATA_TYPE_FLOAT32',
        shape: [
          { size: 'symbol', symbol: 'batch' },
          { size: 'fixed', fixed: 1 },
        ],
      },
    ]);
    assert.equal(outputs[0]?.name, 'y');
    assert.equal(batchable, true);
  });

  it('answers calls on a stream as they are ready, a bad one as a problem', async () => {
    const requests: InferStreamRequest[] = [
      { id: 'a', request: { inputs: [x, by] } },
      { id: 'b', request: { inputs: [x] } },
      { id: 'c' },
      { id: 'd', request: { model: 'rows', inputs: [x, by] } },
    ];
    const answers = new Map<string, string>();
    for await (const { id, response, problem } of served.client.infer.inferStream(
      (async function* () {
        yield* requests;
      })(),
    )) {
      answers.set(
        id,
        response ? (response.outputs[0]?.data.toString('hex') ?? '') : `${problem?.code} ${problem?.field}`,
      );
    }
    const right = floats(10, 20, 300, 400).toString('hex');
    assert.deepEqual(Object.fromEntries(answers), {
      a: right,
      b: 'FIELD_REQUIRED inputs',
      c: 'FIELD_REQUIRED inputs',
      d: right,
    });
  });

  const refused: [string, object, ErrorCode, string, RegExp][] = [
    ['an unknown type', { inputs: [{ ...x, type: 99 }, by] }, 'FIELD_INVALID', 'inputs[0].type', /must be one of/],
    [
      'elements in two places',
      { inputs: [x, { ...by, values: [1] }] },
      'FIELD_INVALID',
      'inputs[1]',
      /has data and values/,
    ],
    [
      'numbers for strings',
      { model: 'text', inputs: [{ name: 'x', shape: [1], values: [1] }] },
      'FIELD_INVALID',
      'inputs[0].values',
      /elements of string \(input "x"\) stand in strings/,
    ],
    [
      'strings for numbers',
      { inputs: [x, { name: 'by', shape: [1], strings: ['1'] }] },
      'FIELD_INVALID',
      'inputs[1].strings',
      /stand in data or values/,
    ],
    [
      'a fraction for a whole number',
      { model: 'long', inputs: [{ name: 'x', shape: [1], values: [1.5] }] },
      'FIELD_INVALID',
      'inputs[0].values[0]',
      /whole number/,
    ],
    [
      'bytes of another number of elements',
      { inputs: [x, { ...by, data: floats(1) }] },
      'FIELD_INVALID',
      'inputs[1].data',
      /takes 8 bytes, given are 4/,
    ],
    [
      'symbols that disagree',
      { inputs: [x, { ...by, shape: [1, 1], data: floats(1) }] },
      'FIELD_INVALID',
      'inputs[1].shape',
      /"batch", which is 2/,
    ],
    ['too many inputs', { inputs: Array.from({ length: 257 }, () => x) }, 'TOO_MANY_ITEMS', 'inputs', /at most 256/],
    [
      'too many outputs',
      { inputs: [x, by], outputs: Array.from({ length: 257 }, () => 'y') },
      'TOO_MANY_ITEMS',
      'outputs',
      /256/,
    ],
    [
      'too many dimensions',
      { inputs: [{ ...x, shape: new Array(17).fill(1) }, by] },
      'TOO_MANY_ITEMS',
      'inputs[0].shape',
      /16/,
    ],
    [
      'an unknown model',
      { model: 'nothing', inputs: [] },
      'MODEL_UNKNOWN',
      'model',
      /there are half, long, rows, scale, text/,
    ],
  ];
  refuses(() =>
    refused.map(([what, request, code, field, says]) => ({
      what,
      call: () => served.client.infer.infer(request as never),
      code,
      field,
      says,
    })),
  );

  describe('to clients of the Open Inference Protocol', () => {
    const methods = definition('inference.GRPCInferenceService');
    const ask = async <M extends keyof typeof methods>(name: M, request: object) =>
      (await served.channel.unary(methods[name] as never, request as never, timeout())).response as never;

    it('says that it lives and is ready, what it is, and which models are ready', async () => {
      assert.deepEqual(await ask('ServerLive', {}), { live: true });
      assert.deepEqual(await ask('ServerReady', {}), { ready: true });
      assert.equal(((await ask('ServerMetadata', {})) as { name: string }).name, 'plexus');
      assert.deepEqual(await ask('ModelReady', { name: 'rows' }), { ready: true });
      assert.deepEqual(await ask('ModelReady', { name: 'text', version: '2' }), { ready: true });
      assert.deepEqual(await ask('ModelReady', { name: 'text', version: '3' }), { ready: false });
      assert.deepEqual(await ask('ModelReady', { name: 'nothing' }), { ready: false });
    });

    it('describes a model', async () => {
      assert.deepEqual(await ask('ModelMetadata', { name: 'half' }), {
        name: 'half',
        versions: ['1'],
        platform: 'onnx_onnxv1',
        inputs: [{ name: 'x', datatype: 'FP16', shape: [-1, -1] }],
        outputs: [{ name: 'y', datatype: 'FP16', shape: [-1, -1] }],
        properties: {},
      });
    });

    const inputs = [
      { name: 'x', datatype: 'FP32', shape: [2, 2] },
      { name: 'by', datatype: 'FP32', shape: [2, 1] },
    ];

    it('takes raw and typed contents, answers raw, and returns the id', async () => {
      const raw = {
        modelName: 'rows',
        id: 'seven',
        inputs,
        rawInputContents: [x.data, by.data],
        outputs: [{ name: 'y' }],
      };
      const answer = (await ask('ModelInfer', raw)) as { rawOutputContents: Buffer[] };
      assert.deepEqual(answer, {
        modelName: 'rows',
        modelVersion: '1',
        id: 'seven',
        parameters: {},
        outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 2], parameters: {}, contents: null }],
        rawOutputContents: [floats(10, 20, 300, 400)],
      });
      const typed = {
        modelName: 'rows',
        inputs: [
          { ...inputs[0], contents: { fp32Contents: [1, 2, 3, 4] } },
          { ...inputs[1], contents: { fp32Contents: [10, 100] } },
        ],
      };
      assert.deepEqual(
        ((await ask('ModelInfer', typed)) as { rawOutputContents: Buffer[] }).rawOutputContents,
        answer.rawOutputContents,
      );
    });

    it('takes and gives BYTES', async () => {
      const element = (text: string): Buffer => {
        const bytes = Buffer.from(text);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(bytes.length);
        return Buffer.concat([length, bytes]);
      };
      const whole = Buffer.concat([element('ça'), element(''), element('\u{1f600}')]);
      const request = { modelName: 'text', inputs: [{ name: 'x', datatype: 'BYTES', shape: [3] }] };
      const raw = (await ask('ModelInfer', { ...request, rawInputContents: [whole] })) as {
        rawOutputContents: Buffer[];
      };
      assert.deepEqual(raw.rawOutputContents, [whole]);
      const contents = { bytesContents: ['ça', '', '\u{1f600}'].map((text) => Buffer.from(text)) };
      const typed = (await ask('ModelInfer', { modelName: 'text', inputs: [{ ...request.inputs[0], contents }] })) as {
        rawOutputContents: Buffer[];
      };
      assert.deepEqual(typed.rawOutputContents, [whole]);
    });

    const good = { modelName: 'rows', inputs, rawInputContents: [x.data, by.data] };
    const bytes = { modelName: 'text', inputs: [{ name: 'x', datatype: 'BYTES', shape: [1] }] };
    const wrong: [string, object, ErrorCode, string, RegExp][] = [
      [
        'an unknown datatype',
        { ...good, inputs: [{ ...inputs[0], datatype: 'BF16' }, inputs[1]] },
        'FIELD_INVALID',
        'inputs[0].datatype',
        /is "BF16"/,
      ],
      [
        'another datatype than the model has',
        { ...good, inputs: [{ ...inputs[0], datatype: 'INT32' }, inputs[1]] },
        'FIELD_INVALID',
        'inputs[0].datatype',
        /not int32/,
      ],
      [
        'raw contents of another number',
        { ...good, rawInputContents: [x.data] },
        'FIELD_INVALID',
        'raw_input_contents',
        /\(2\), has 1/,
      ],
      [
        'raw contents of another size',
        { ...good, rawInputContents: [x.data, x.data] },
        'FIELD_INVALID',
        'raw_input_contents[1]',
        /takes 8 bytes/,
      ],
      [
        'raw and typed contents',
        { ...good, inputs: [{ ...inputs[0], contents: { fp32Contents: [1] } }, inputs[1]] },
        'FIELD_INVALID',
        'inputs[0].contents',
        /beside raw/,
      ],
      [
        'typed contents of another type',
        { modelName: 'rows', inputs: [{ ...inputs[0], contents: { intContents: [1] } }, inputs[1]] },
        'FIELD_INVALID',
        'inputs[0].contents.int_contents',
        /use fp32_contents/,
      ],
      [
        'typed contents for FP16',
        {
          modelName: 'half',
          inputs: [{ name: 'x', datatype: 'FP16', shape: [1, 1], contents: { fp32Contents: [1] } }],
        },
        'FIELD_INVALID',
        'inputs[0].contents',
        /raw_input_contents/,
      ],
      [
        'BYTES that end early',
        { ...bytes, rawInputContents: [Buffer.from([5, 0, 0, 0, 65])] },
        'FIELD_INVALID',
        'raw_input_contents[0]',
        /element 0/,
      ],
      [
        'BYTES that are no UTF-8',
        { ...bytes, rawInputContents: [Buffer.from([1, 0, 0, 0, 0xff])] },
        'TEXT_NOT_UTF8',
        'raw_input_contents[0] element 0',
        /UTF-8/,
      ],
      [
        'shared memory',
        { ...good, inputs: [{ ...inputs[0], parameters: { shared_memory_region: { stringParam: 'r' } } }, inputs[1]] },
        'OPTION_UNSUPPORTED',
        'inputs[0].parameters',
        /shared_memory_region/,
      ],
      [
        'sequences',
        { ...good, parameters: { sequence_id: { int64Param: 1 } } },
        'OPTION_UNSUPPORTED',
        'parameters',
        /sequence_id/,
      ],
      [
        'classification',
        { ...good, outputs: [{ name: 'y', parameters: { classification: { int64Param: 3 } } }] },
        'OPTION_UNSUPPORTED',
        'outputs[0].parameters',
        /classification/,
      ],
      ['an unknown model', { ...good, modelName: 'nothing' }, 'MODEL_UNKNOWN', 'model_name', /there are/],
      ['an unknown version', { ...good, modelVersion: '9' }, 'VERSION_UNKNOWN', 'model_name', /it has 1/],
    ];
    refuses(() =>
      wrong.map(([what, request, code, field, says]) => ({
        what,
        call: () => ask('ModelInfer', request),
        code,
        field,
        says,
      })),
    );
  });
});

describe('what the infer service loads at start', () => {
  const temporary = temporaryFolders();

  it('is every graph of its task, the only one the default; none is said plainly', async () => {
    const { createRepository } = await import('../../../models/index.js');
    const root = temporary();
    const choose = () => infer.choose(createRepository({ folders: [root] }));
    await assert.rejects(choose(), { code: 'MODEL_UNKNOWN', message: /PLEXUS_MODELS/ });
    writeFiles(root, { 'one/1/model.onnx': Buffer.from(scale), 'one/2/model.onnx': Buffer.from(scale) });
    assert.deepEqual(await choose(), { defaultModel: 'one', load: ['one'], required: false });
    writeFiles(root, { [join('two', 'model.onnx')]: Buffer.from(scale) });
    assert.deepEqual(await choose(), { defaultModel: '', load: ['one', 'two'], required: false });
  });
});
