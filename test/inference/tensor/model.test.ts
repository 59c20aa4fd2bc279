/** Graphs written by the test, through real workers: every type and shape, what is refused and how, batches, lost workers. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '../../../chassis/errors.js';
import { readSettings } from '../../../chassis/settings.js';
import {
  ELEMENT_BYTES,
  type ElementType,
  type Fields,
  type InferenceSettings,
  inferenceSettings,
  type OutputTensor,
  openTensorModel,
  type Tensor,
  type TensorModel,
  type TensorResult,
  type TensorSettings,
  tensorSettings,
} from '../../../inference/index.js';
import { processMemory, reckonBytes } from '../../../inference/memory.js';
import { packageRoot } from '../../../protos/index.js';
import { temporaryFolders, writeModel } from '../../kit/model-folder.js';
import { identity, onnxModel, type Value } from '../../kit/onnx.js';
import { DIE, HANG } from './mortal-worker.js';

const script = new URL('./mortal-worker.js', import.meta.url);
const forever = (): { signal: AbortSignal; deadlineMs: number } => ({
  signal: new AbortController().signal,
  deadlineMs: Number.POSITIVE_INFINITY,
});
const fields: Fields = {
  inputs: 'inputs',
  tensor: (index) => `inputs[${index}]`,
  type: 'type',
  data: (index) => `inputs[${index}].data`,
  outputs: 'outputs',
};
const floats = (name: string, dims: number[], values: ArrayLike<number>): Tensor => ({
  name,
  type: 'float32',
  dims,
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const numbers = ({ outputs }: TensorResult, place = 0): number[] => {
  const data = Buffer.from((outputs[place] as OutputTensor).data as Uint8Array);
  return Array.from({ length: data.length / 4 }, (_, at) => data.readFloatLE(at * 4));
};

/** z = a + b, and the sum of a's rows beside it. */
const adder = (rows: string | number): Uint8Array => {
  const value = (name: string, shape: (string | number)[]): Value => ({ name, type: 'float32', shape });
  return onnxModel({
    steps: [
      { op: 'Add', inputs: ['a', 'b'], outputs: ['z'] },
      { op: 'ReduceMax', inputs: ['a'], outputs: ['most'], integers: { keepdims: 1 } },
    ],
    inputs: [value('a', [rows, 'width']), value('b', [rows, 'width'])],
    outputs: [value('z', [rows, 'width']), value('most', [1, 1])],
  });
};

/** z = a * a: rows do not see each other. */
const squares = onnxModel({
  steps: [{ op: 'Mul', inputs: ['a', 'a'], outputs: ['z'] }],
  inputs: [{ name: 'a', type: 'float32', shape: ['batch', 'width'] }],
  outputs: [{ name: 'z', type: 'float32', shape: ['batch', 'width'] }],
});

describe('a tensor model', () => {
  const temporary = temporaryFolders();
  const opened: TensorModel[] = [];
  afterEach(async () => {
    for (const model of opened.splice(0)) await model.close();
  });

  async function open(
    graph: Uint8Array,
    changes: Partial<InferenceSettings & TensorSettings> = {},
    batchable = false,
  ): Promise<TensorModel> {
    const folder = join(temporary(), 'graph', '1');
    const manifest = await writeModel(
      folder,
      { 'model.onnx': Buffer.from(graph) },
      {
        name: 'graph',
        task: 'infer',
        precision: 'fp32',
        infer: { batchable },
      },
    );
    const settings = { ...readSettings({ ...inferenceSettings, ...tensorSettings }, {}), workers: 1, ...changes };
    const model = await openTensorModel({ manifest, folder, inferred: false }, settings, { script });
    opened.push(model);
    return model;
  }
  const infer = (model: TensorModel, inputs: readonly Tensor[], outputs: readonly string[] = []) =>
    model.infer({ inputs, outputs, fields }, forever());

  const types = (Object.keys(ELEMENT_BYTES) as ElementType[]).filter((type) => type !== 'string');
  for (const type of types) {
    it(`takes and gives ${type}, byte for byte, also none and a scalar`, async () => {
      const model = await open(identity(type, ['n', 3]));
      assert.deepEqual(model.signature.inputs, [{ name: 'x', type, shape: ['n', 3] }]);
      for (const rows of [0, 1, 5]) {
        // 1 where a byte must be a bool; else every byte another, which makes NaNs and infinities too.
        const bytes = Uint8Array.from({ length: rows * 3 * ELEMENT_BYTES[type] }, (_, at) =>
          type === 'bool' ? at % 2 : (at * 37 + 255) % 256,
        );
        // An odd address in the message, as fields of messages have.
        const data = Buffer.concat([Buffer.from('odd'), bytes]).subarray(3);
        const { outputs, rows: counted } = await infer(model, [{ name: 'x', type, dims: [rows, 3], data }]);
        assert.equal(counted, 1);
        assert.deepEqual(outputs[0]?.dims, [rows, 3]);
        assert.equal(outputs[0]?.type, type);
        assert.deepEqual(Buffer.from(outputs[0]?.data as Uint8Array), Buffer.from(bytes));
      }
      const scalar = await open(identity(type, []));
      const data = new Uint8Array(ELEMENT_BYTES[type]).fill(1);
      const { outputs } = await infer(scalar, [{ name: 'x', type, dims: [], data }]);
      assert.deepEqual([outputs[0]?.dims, Buffer.from(outputs[0]?.data as Uint8Array)], [[], Buffer.from(data)]);
    });
  }

  it('takes and gives strings, the empty one and other planes included', async () => {
    const model = await open(identity('string', ['n']));
    const strings = ['', 'é', '\u{1f600}', 'a\tb', 'x'.repeat(10_000)];
    const { outputs } = await infer(model, [{ name: 'x', type: 'string', dims: [5], data: strings }]);
    assert.deepEqual(outputs[0]?.data, strings);
  });

  it('gives the outputs that are named, in that order', async () => {
    const model = await open(adder('rows'));
    const inputs = [floats('b', [2, 2], [10, 20, 30, 40]), floats('a', [2, 2], [1, 2, 3, Number.NaN])];
    const all = await infer(model, inputs);
    assert.deepEqual(
      all.outputs.map(({ name }) => name),
      ['z', 'most'],
    );
    assert.deepEqual(numbers(all), [11, 22, 33, Number.NaN]);
    const some = await infer(model, inputs, ['most', 'z']);
    assert.deepEqual(
      some.outputs.map(({ name }) => name),
      ['most', 'z'],
    );
  });

  describe('refuses, naming the field, what the model wants and the fix', () => {
    const good = floats('a', [2, 3], [1, 2, 3, 4, 5, 6]);
    const also = { ...good, name: 'b' };
    const cases: [string, readonly Tensor[], readonly string[], string, string, RegExp][] = [
      [
        'an unknown input',
        [{ ...good, name: 'q' }, also],
        [],
        'FIELD_INVALID',
        'inputs[0].name',
        /no input "q"; it has a float32 \[rows, width\], b/,
      ],
      ['an input given twice', [good, also, good], [], 'FIELD_INVALID', 'inputs[2].name', /given twice/],
      ['a missing input', [good], [], 'FIELD_REQUIRED', 'inputs', /also needs b float32 \[rows, width\]/],
      ['no inputs at all', [], [], 'FIELD_REQUIRED', 'inputs', /needs a .*, b /],
      [
        'another type',
        [good, { ...also, type: 'float64' }],
        [],
        'FIELD_INVALID',
        'inputs[1].type',
        /takes b float32 .*not float64; convert/,
      ],
      [
        'another rank',
        [good, { ...also, dims: [6] }],
        [],
        'FIELD_INVALID',
        'inputs[1].shape',
        /2 dimensions, not \[6\]; reshape/,
      ],
      [
        'symbols that disagree',
        [good, floats('b', [3, 2], [1, 2, 3, 4, 5, 6])],
        [],
        'FIELD_INVALID',
        'inputs[1].shape',
        /dimension 0 is "rows", which is 2 in inputs\[0\]\.shape; here it is 3/,
      ],
      [
        'a negative dimension',
        [{ ...good, dims: [-1, 3] }, also],
        [],
        'FIELD_INVALID',
        'inputs[0].shape',
        /whole numbers from 0/,
      ],
      [
        'a dimension beyond 2^31',
        [{ ...good, dims: [2 ** 31, 0] }, also],
        [],
        'FIELD_INVALID',
        'inputs[0].shape',
        /whole numbers/,
      ],
      [
        'too few bytes',
        [{ ...good, data: (good.data as Uint8Array).subarray(1) }, also],
        [],
        'FIELD_INVALID',
        'inputs[0].data',
        /\[2, 3\] of float32 takes 24 bytes, given are 23/,
      ],
      [
        'too many bytes',
        [good, { ...also, data: new Uint8Array(28) }],
        [],
        'FIELD_INVALID',
        'inputs[1].data',
        /takes 24 bytes, given are 28/,
      ],
      ['an unknown output', [good, also], ['z', 'y'], 'FIELD_INVALID', 'outputs[1]', /no output "y"; it has z, most/],
      ['an output asked for twice', [good, also], ['z', 'z'], 'FIELD_INVALID', 'outputs[1]', /asked for twice/],
    ];
    for (const [what, inputs, outputs, code, field, text] of cases) {
      it(what, async () => {
        const model = await open(adder('rows'));
        await assert.rejects(infer(model, inputs, outputs), refusal(code, field, text));
      });
    }

    it('a fixed dimension of another size', async () => {
      const model = await open(identity('int32', ['n', 4]));
      const call = infer(model, [{ name: 'x', type: 'int32', dims: [1, 3], data: new Uint8Array(12) }]);
      await assert.rejects(
        call,
        refusal('FIELD_INVALID', 'inputs[0].shape', /dimension 1 must be 4, is 3; pad, cut or reshape/),
      );
    });

    it('bytes, elements and ranks beyond their limits', async () => {
      const model = await open(squares, { tensorInputBytesMax: 64, tensorElementsMax: 20 });
      assert.equal((await infer(model, [floats('a', [4, 4], new Array(16).fill(2))])).outputs.length, 1);
      await assert.rejects(
        infer(model, [floats('a', [17, 1], new Array(17).fill(2))]),
        refusal('MESSAGE_TOO_LARGE', 'inputs[0].data', /68 bytes; at most 64/),
      );
      await assert.rejects(
        infer(model, [floats('a', [21, 1], new Array(21).fill(2))]),
        refusal('TOO_MANY_ITEMS', 'inputs[0].shape', /21 elements; at most 20/),
      );
      await assert.rejects(
        infer(model, [floats('a', new Array(17).fill(1), [2])]),
        refusal('FIELD_INVALID', 'inputs[0].shape', /17 dimensions; at most 16/),
      );
    });

    it('an answer larger than its limit, and only that one', async () => {
      const model = await open(squares, { tensorOutputBytesMax: 16 }, true);
      const [small, large] = await Promise.allSettled([
        infer(model, [floats('a', [1, 4], [1, 2, 3, 4])]),
        infer(model, [floats('a', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]),
      ]);
      assert.equal(small.status, 'fulfilled');
      assert.ok(large.status === 'rejected' && large.reason instanceof MeshError);
      assert.equal(large.reason.code, 'MESSAGE_TOO_LARGE');
      assert.match(large.reason.message, /32 bytes, more than the 16/);
    });

    it('strings with a NUL, which the runtime would cut, and too few of them', async () => {
      const model = await open(identity('string', ['n']));
      const call = (data: string[], n = data.length) => infer(model, [{ name: 'x', type: 'string', dims: [n], data }]);
      await assert.rejects(call(['a', 'b\0c']), refusal('FIELD_INVALID', 'inputs[0].data[1]', /NUL/));
      await assert.rejects(call(['a'], 2), refusal('FIELD_INVALID', 'inputs[0].data', /has 2 elements, given are 1/));
    });

    it('what only the graph can find wrong, in its words and without a path', async () => {
      const gather = onnxModel({
        steps: [{ op: 'Gather', inputs: ['x', 'at'], outputs: ['y'] }],
        inputs: [
          { name: 'x', type: 'float32', shape: ['n'] },
          { name: 'at', type: 'int64', shape: ['k'] },
        ],
        outputs: [{ name: 'y', type: 'float32', shape: ['k'] }],
      });
      const model = await open(gather);
      const at = (place: bigint): Tensor => ({
        name: 'at',
        type: 'int64',
        dims: [1],
        data: new Uint8Array(BigInt64Array.of(place).buffer),
      });
      await assert.rejects(infer(model, [floats('x', [3], [1, 2, 3]), at(9n)]), (error: MeshError) => {
        assert.equal(error.code, 'MODEL_FAILED');
        assert.match(error.message, /^graph@1 cannot compute these inputs: .*idx=9/);
        assert.doesNotMatch(error.message, /[/\\]|\.cc/);
        return true;
      });
      assert.deepEqual(numbers(await infer(model, [floats('x', [3], [1, 2, 3]), at(2n)])), [3]);
      assert.equal(model.stats().failures, 1);
    });
  });

  describe('whose rows do not see each other', () => {
    it('runs waiting calls of equal widths together, and gives each its own rows, exactly as alone', async () => {
      const model = await open(squares, {}, true);
      const calls = Array.from({ length: 40 }, (_, index) => {
        const [rows, width] = [index % 4, 1 + (index % 3)];
        const values = Array.from({ length: rows * width }, (_, at) => Math.fround(index + at / 7));
        return { rows, width, values };
      });
      const answers = await Promise.all(
        calls.map(({ rows, width, values }) => infer(model, [floats('a', [rows, width], values)])),
      );
      answers.forEach((answer, index) => {
        const { rows, width, values } = calls[index] as (typeof calls)[number];
        assert.deepEqual(answer.outputs[0]?.dims, [rows, width]);
        assert.equal(answer.rows, rows);
        assert.deepEqual(
          numbers(answer),
          values.map((value) => Math.fround(value * value)),
        );
      });
      const { requests, batches } = model.stats();
      assert.equal(requests, 40);
      assert.ok(batches < 20, `${batches} runs`);
      assert.ok(Math.max(...answers.map(({ timings }) => timings.batchSize)) > 1);
    });

    it('joins strings too', async () => {
      const model = await open(identity('string', ['batch', 2]), {}, true);
      const call = (data: string[]) => infer(model, [{ name: 'x', type: 'string', dims: [data.length / 2, 2], data }]);
      const answers = await Promise.all([call(['a', 'b']), call(['c', 'd', 'e', 'f']), call([]), call(['g', 'h'])]);
      assert.deepEqual(
        answers.map(({ outputs }) => outputs[0]?.data),
        [['a', 'b'], ['c', 'd', 'e', 'f'], [], ['g', 'h']],
      );
    });

    it('does not let a call that cannot be computed fail its companions', async () => {
      // Gather along the columns: an index out of bounds fails the run.
      const graph = onnxModel({
        steps: [{ op: 'GatherElements', inputs: ['x', 'at'], outputs: ['y'], integers: { axis: 1 } }],
        inputs: [
          { name: 'x', type: 'float32', shape: ['batch', 2] },
          { name: 'at', type: 'int64', shape: ['batch', 1] },
        ],
        outputs: [{ name: 'y', type: 'float32', shape: ['batch', 1] }],
      });
      const model = await open(graph, {}, true);
      const call = (place: bigint) =>
        infer(model, [
          floats('x', [1, 2], [5, 6]),
          { name: 'at', type: 'int64', dims: [1, 1], data: new Uint8Array(BigInt64Array.of(place).buffer) },
        ]);
      const outcomes = await Promise.allSettled([call(0n), call(1n), call(7n), call(0n)]);
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? numbers(outcome.value) : outcome.reason.code)),
        [[5], [6], 'MODEL_FAILED', [5]],
      );
      const { reason } = outcomes[2] as PromiseRejectedResult;
      assert.equal(
        reason.message,
        'graph@1 cannot compute these inputs: GatherElements op: Out of range value in index tensor',
      );
    });

    it('asks for as many rows in every input', async () => {
      const graph = onnxModel({
        steps: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['z'] }],
        inputs: [
          { name: 'a', type: 'float32', shape: ['m', 1] },
          { name: 'b', type: 'float32', shape: ['n', 1] },
        ],
        outputs: [{ name: 'z', type: 'float32', shape: ['k', 1] }],
      });
      const model = await open(graph, {}, true);
      const call = infer(model, [floats('a', [2, 1], [1, 2]), floats('b', [1, 1], [1])]);
      await assert.rejects(call, refusal('FIELD_INVALID', 'inputs[1].shape', /must be 2 as in inputs\[0\], is 1/));
    });

    it('is refused at load where the graph says otherwise', async () => {
      await assert.rejects(open(identity('float32', [3, 'n']), {}, true), {
        code: 'MODEL_UNSUPPORTED',
        message: /batchable, but the first dimension of x float32 \[3, n\] is not free/,
      });
      const total = onnxModel({
        steps: [{ op: 'Concat', inputs: ['a', 'a'], outputs: ['z'], integers: { axis: 0 } }],
        inputs: [{ name: 'a', type: 'float32', shape: ['batch', 2] }],
        outputs: [{ name: 'z', type: 'float32', shape: ['k', 2] }],
      });
      await assert.rejects(open(total, {}, true), {
        code: 'MODEL_UNSUPPORTED',
        message: /for 2 rows its output "z" has 4/,
      });
    });
  });

  it('is refused at load with an element type that cannot be passed, and with a file that is no graph', async () => {
    await assert.rejects(open(identity('bfloat16', ['n'])), { code: 'MODEL_UNSUPPORTED', message: /element type 16/ });
    await assert.rejects(open(Buffer.from('no graph')), { code: 'MODEL_UNSUPPORTED' });
  });

  it('replaces a worker that dies, answers its companions, and quarantines what killed it twice', async () => {
    const model = await open(squares, {}, true);
    const call = (...values: number[]) => infer(model, [floats('a', [1, values.length], values)]);
    const outcomes = await Promise.allSettled([call(2, 3), call(DIE, 1), call(4, 5)]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? numbers(outcome.value) : outcome.reason.code)),
      [[4, 9], 'INPUT_QUARANTINED', [16, 25]],
    );
    await assert.rejects(call(DIE, 1), { code: 'INPUT_QUARANTINED' });
    assert.deepEqual(numbers(await call(6, 1)), [36, 1]);
  });

  it('gives up a worker that hangs', async () => {
    const model = await open(squares, { hangMs: 200 }, true);
    await assert.rejects(infer(model, [floats('a', [1, 1], [HANG])]), { code: 'INPUT_QUARANTINED' });
    assert.deepEqual(numbers(await infer(model, [floats('a', [1, 1], [3])])), [9]);
  });

  it('drops a call whose caller has left, and one whose deadline passes in the queue', async () => {
    const model = await open(squares, { hangMs: 500 });
    const blocked = assert.rejects(infer(model, [floats('a', [1, 1], [HANG])]), { code: 'INPUT_QUARANTINED' });
    const controller = new AbortController();
    const call = (options: { signal: AbortSignal; deadlineMs: number }) =>
      model.infer({ inputs: [floats('a', [1, 1], [3])], outputs: [], fields }, options);
    const left = assert.rejects(call({ ...forever(), signal: controller.signal }), { code: 'CANCELLED' });
    const late = assert.rejects(call({ ...forever(), deadlineMs: Date.now() + 100 }), { code: 'DEADLINE_EXCEEDED' });
    await new Promise(setImmediate);
    controller.abort(new MeshError('CANCELLED', 'gone'));
    await Promise.all([left, late, blocked]);
    assert.equal(model.stats().dropped, 2);
  });

  it('refuses what its queue cannot hold', async () => {
    const model = await open(squares, { tensorQueueCallsMax: 2, hangMs: 500 });
    const call = (value: number) => infer(model, [floats('a', [1, 1], [value])]);
    const blocked = assert.rejects(call(HANG), { code: 'INPUT_QUARANTINED' });
    await new Promise(setImmediate);
    const waiting = [call(2), call(3)];
    await assert.rejects(call(4), { code: 'QUEUE_FULL', message: /2 calls of 2 KiB are waiting/ });
    await blocked;
    assert.deepEqual(
      (await Promise.all(waiting)).map((each) => numbers(each)),
      [[4], [9]],
    );
  });

  describe('with weights', () => {
    const graph = readFileSync(
      join(packageRoot, 'test', 'services', 'tasks', 'fixtures', 'hidden-bert', 'onnx', 'model.onnx'),
    );
    const names = ['input_ids', 'attention_mask', 'token_type_ids'];
    const inputs = names.map((name, place): Tensor => {
      const data = new Uint8Array(BigInt64Array.of(...[7n, 20n, 3n].map((id) => [id, 1n, 0n][place] as bigint)).buffer);
      return { name, type: 'int64', dims: [1, 3], data };
    });

    it('keeps a prepared copy of them, which has the same signature and gives the very same numbers', async () => {
      const cache = join(temporary(), 'prepared');
      const plain = await open(graph, { preparedFolder: '' });
      const wanted = await infer(plain, inputs);
      for (const load of ['first', 'later']) {
        const model = await open(graph, { preparedFolder: cache, workers: 2 });
        assert.deepEqual(model.signature, plain.signature, load);
        assert.deepEqual(numbers(await infer(model, inputs)), numbers(wanted), load);
        const [made, ...others] = readdirSync(cache) as [string];
        assert.deepEqual(
          [readdirSync(join(cache, made)).sort(), others],
          [['model.data', 'model.onnx', 'sizes.json'], []],
        );
      }
    });

    it('warms up with the shapes its calls had the last time, and is no worse for those the graph does not take', async () => {
      const cache = join(temporary(), 'prepared');
      const inputs = [floats('a', [2, 3], [1, 2, 3, 4, 5, 6]), floats('b', [2, 3], [1, 1, 1, 1, 1, 1])];
      const kept = join(cache, 'shapes.json');
      for (const load of ['first', 'second', 'third']) {
        const model = await open(adder('n'), { preparedFolder: cache });
        assert.deepEqual(numbers(await infer(model, inputs, ['z'])), [2, 3, 4, 5, 6, 7], load);
        await model.close();
        const [[key, counts]] = Object.entries(JSON.parse(readFileSync(kept, 'utf8'))) as [[string, object]];
        assert.deepEqual(Object.keys(counts)[0], load === 'third' ? '7x7x7' : '2x3,2x3');
        if (load === 'second') writeFileSync(kept, JSON.stringify({ [key]: { '7x7x7': 100, nonsense: 50 } }));
      }
    });

    it('is refused where the memory is short, and gives back what it took', async () => {
      const before = processMemory.takenBytes;
      const reckoned = reckonBytes(graph.length, 3, 'read');
      const settings = { workers: 3, preparedFolder: '' };
      await assert.rejects(open(graph, { ...settings, memoryBytes: before + reckoned - 1 }), (error: MeshError) => {
        assert.equal(error.code, 'MEMORY_SHORT');
        assert.match(error.message, /^graph@1 needs about \d+ MiB .*PLEXUS_WORKERS.*PLEXUS_MEMORY_BYTES/);
        return true;
      });
      assert.equal(processMemory.takenBytes, before);
      const model = await open(graph, { ...settings, memoryBytes: before + reckoned });
      assert.equal(model.stats().memoryBytes, reckoned);
      assert.equal(processMemory.takenBytes, before + reckoned);
      await model.close();
      assert.equal(processMemory.takenBytes, before);
      await assert.rejects(open(Buffer.from('no graph')), { code: 'MODEL_UNSUPPORTED' });
      assert.equal(processMemory.takenBytes, before, 'also where it cannot be opened');
    });
  });

  it('carries megabytes there and back', async () => {
    const model = await open(squares);
    const values = Float32Array.from({ length: 2 ** 20 }, (_, at) => at % 1000);
    const answer = await infer(model, [floats('a', [1024, 1024], values)]);
    assert.deepEqual(
      numbers(answer).slice(-3),
      [...values.subarray(-3)].map((value) => value * value),
    );
    assert.deepEqual(answer.outputs[0]?.dims, [1024, 1024]);
  });
});

function refusal(code: string, field: string, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MeshError, String(error));
    assert.equal(error.code, code, error.message);
    assert.equal(error.violations[0]?.field, field, error.message);
    assert.match(error.message, text);
    return true;
  };
}
