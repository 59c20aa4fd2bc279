import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { readSettings } from '../../chassis/settings.js';
import { inferenceSettings, openEncoder } from '../../inference/index.js';
import { createRepository, quantizeModel, type StoredModel } from '../../models/index.js';
import { quantizeDynamic } from '../../models/quantize/dynamic.js';
import { quantizeFile } from '../../models/quantize/files.js';
import { quantize, roundHalfEven, transpose } from '../../models/quantize/int8.js';
import {
  FLOAT,
  type Graph,
  INT8,
  type Model,
  makeNode,
  makeTensor,
  type Node,
  readModel,
  writeModel,
} from '../../models/quantize/onnx.js';
import { bytesField, integersOf, numberField, readFields, textField, writeFields } from '../../models/quantize/wire.js';
import { temporaryFolders, withCode, writeFiles } from '../kit/model-folder.js';
import { sharedOrSkip } from '../kit/shared.js';

const floats = (rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: rows * columns }, (_, index) => Math.sin(index * 12.9898) * ((index % columns) + 1));
const bytes = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);
const value = (name: string, number: number) => bytesField(number, writeFields([textField(1, name)]));

function graphOf(nodes: Node[], weights: [string, number[], Float32Array?][], outputs = ['y']): Graph {
  const made = weights.map(([name, dims, given]) =>
    makeTensor(name, FLOAT, dims, bytes(given ?? floats(dims[0] ?? 1, dims[1] ?? 1))),
  );
  return {
    nodes,
    weights: new Map(made.map((tensor) => [tensor.name, tensor])),
    inputs: ['x'],
    outputs,
    rest: [value('x', 11), ...outputs.map((name) => value(name, 12))],
  };
}
const modelOf = (graph: Graph, opset = 14): Model => ({
  graph,
  opset,
  rest: [numberField(1, 7), bytesField(8, writeFields([textField(1, ''), numberField(2, opset)]))],
});
const ops = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

describe('quantizing', () => {
  const temporary = temporaryFolders();

  describe('the wire format', () => {
    it('writes what it read, byte for byte', () => {
      const field = fc.oneof(
        fc.record({
          number: fc.integer({ min: 1, max: 2 ** 28 }),
          wire: fc.constant(0 as const),
          value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        }),
        fc.record({
          number: fc.integer({ min: 1, max: 2 ** 28 }),
          wire: fc.constant(2 as const),
          bytes: fc.uint8Array({ maxLength: 300 }),
        }),
        fc.record({
          number: fc.integer({ min: 1, max: 99 }),
          wire: fc.constant(5 as const),
          bytes: fc.uint8Array({ minLength: 4, maxLength: 4 }),
        }),
        fc.record({
          number: fc.integer({ min: 1, max: 99 }),
          wire: fc.constant(1 as const),
          bytes: fc.uint8Array({ minLength: 8, maxLength: 8 }),
        }),
      );
      fc.assert(
        fc.property(fc.array(field), (fields) => {
          const written = writeFields(fields);
          assert.deepEqual(
            readFields(written),
            fields.map((each) => ({ ...each })),
          );
          assert.deepEqual(writeFields(readFields(written)), written);
        }),
      );
    });

    it('reads integers packed and one by one, negative ones too', () => {
      const single = writeFields([numberField(8, 1), numberField(8, -1)]);
      assert.deepEqual(integersOf(readFields(single), 8), [1, -1]);
      const packed = writeFields([bytesField(8, Uint8Array.from([1, 0xac, 0x02, ...Array(9).fill(0xff), 0x01]))]);
      assert.deepEqual(integersOf(readFields(packed), 8), [1, 300, -1]);
    });

    it('refuses any bytes that are no message, and never hangs or crashes on them', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
          try {
            readModel(noise);
          } catch (error) {
            withCode('MODEL_UNSUPPORTED')(error);
          }
        }),
        { numRuns: 2_000 },
      );
    });

    it('refuses a file that was cut', () => {
      const whole = writeModel(modelOf(graphOf([makeNode('MatMul', ['x', 'w'], ['y'])], [['w', [64, 64]]])));
      assert.throws(() => readModel(whole.subarray(0, whole.length - 7)), withCode('MODEL_UNSUPPORTED', /cut short/));
    });

    it('changes nothing in a real file that it only reads and writes', function () {
      const path = sharedOrSkip(this, 'models/tiny-bert-sst2/onnx/model.onnx');
      const first = writeModel(readModel(readFileSync(path)));
      assert.deepEqual(writeModel(readModel(first)), first);
      assert.ok(Math.abs(first.length - statSync(path).size) < 200);
    });
  });

  describe('a matrix', () => {
    it('is off by at most half a step of its channel', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 8 }),
          fc.integer({ min: 1, max: 8 }),
          fc.constantFrom('row', 'column'),
          fc.constantFrom(64, 127),
          (rows, columns, channel, most) => {
            const matrix = floats(rows, columns);
            const { values, scales } = quantize(matrix, rows, columns, channel as 'row', most);
            matrix.forEach((exact, index) => {
              const scale = scales[channel === 'row' ? Math.floor(index / columns) : index % columns] as number;
              const integer = values[index] as number;
              assert.ok(Math.abs(integer) <= most && Math.abs(integer * scale - exact) <= scale * 0.5001);
            });
          },
        ),
      );
    });

    it('of zeros stays zero', () => {
      const { values, scales } = quantize(new Float32Array(4), 2, 2, 'column', 127);
      assert.deepEqual(
        [[...values], [...scales]],
        [
          [0, 0, 0, 0],
          [1, 1],
        ],
      );
    });

    it('rounds halves to even', () => {
      assert.deepEqual(
        [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -2.6].map((each) => roundHalfEven(each) + 0),
        [-2, -2, 0, 0, 2, 2, 2, -3],
      );
    });

    it('turns', () =>
      assert.deepEqual([...transpose(Float32Array.from([1, 2, 3, 4, 5, 6]), 2, 3)], [1, 4, 2, 5, 3, 6]));
  });

  describe('a graph', () => {
    it('multiplies in integers, and quantizes activations once for all that read them', () => {
      const model = modelOf(
        graphOf(
          [
            makeNode('MatMul', ['x', 'q'], ['a']),
            makeNode('MatMul', ['x', 'k'], ['b']),
            makeNode('Add', ['a', 'b'], ['y']),
          ],
          [
            ['q', [64, 64]],
            ['k', [64, 64]],
          ],
        ),
      );
      const result = quantizeDynamic(model, { fullRange: false });
      assert.equal(result.matMuls, 2);
      assert.deepEqual(ops(model.graph), [
        'DynamicQuantizeLinear',
        'MatMulInteger',
        'Cast',
        'Mul',
        'Mul',
        'MatMulInteger',
        'Cast',
        'Mul',
        'Mul',
        'Add',
      ]);
      assert.deepEqual(
        [...model.graph.weights.values()].map(({ name, type, dims }) => [name, type, dims]),
        [
          ['q_int8', INT8, [64, 64]],
          ['q_scales', FLOAT, [64]],
          ['k_int8', INT8, [64, 64]],
          ['k_scales', FLOAT, [64]],
        ],
      );
    });

    it('keeps float what is small, of another shape, or also read in another way', () => {
      const nodes = [
        makeNode('MatMul', ['x', 'small'], ['a']),
        makeNode('MatMul', ['x', 'tied'], ['b']),
        makeNode('Softmax', ['tied'], ['c']),
        makeNode('MatMul', ['x', 'good'], ['y']),
      ];
      const model = modelOf(
        graphOf(nodes, [
          ['small', [8, 8]],
          ['tied', [64, 64]],
          ['good', [64, 64]],
        ]),
      );
      const { kept } = quantizeDynamic(model, { fullRange: true });
      assert.deepEqual(kept, [{ name: 'tied', why: 'is used in several ways (matmul, other)' }]);
      assert.deepEqual(
        ops(model.graph).filter((op) => op.startsWith('MatMul')),
        ['MatMul', 'MatMul', 'MatMulInteger'],
      );
    });

    it('reads Gemm with either layout, and adds what it added', () => {
      const model = modelOf(
        graphOf(
          [makeNode('Gemm', ['x', 'w', 'bias'], ['y'], { transB: 1 })],
          [
            ['w', [32, 128]],
            ['bias', [32, 1]],
          ],
        ),
      );
      assert.equal(quantizeDynamic(model, { fullRange: false }).matMuls, 1);
      assert.deepEqual(ops(model.graph).at(-1), 'Add');
      assert.deepEqual(model.graph.weights.get('w_int8')?.dims, [128, 32]);
    });

    it('folds a transposed weight into a plain one', () => {
      const model = modelOf(
        graphOf(
          [makeNode('Transpose', ['w'], ['turned']), makeNode('MatMul', ['x', 'turned'], ['y'])],
          [['w', [32, 128]]],
        ),
      );
      quantizeDynamic(model, { fullRange: false });
      assert.ok(!ops(model.graph).includes('Transpose') && ops(model.graph).includes('MatMulInteger'));
      assert.deepEqual([...model.graph.weights.keys()], ['turned_int8', 'turned_scales']);
    });

    it('reaches weights of the outer graph from inside If', () => {
      const inner = {
        nodes: [makeNode('MatMul', ['x', 'w'], ['inner'])],
        weights: new Map(),
        inputs: [],
        outputs: ['inner'],
        rest: [value('inner', 12)],
      };
      const branch = makeNode('If', ['x'], ['y']);
      branch.attributes.push([textField(1, 'then_branch'), bytesField(6, new Uint8Array()), numberField(20, 5)]);
      branch.graphs.set(0, inner);
      const model = modelOf(graphOf([branch], [['w', [64, 64]]]));
      quantizeDynamic(model, { fullRange: false });
      const again = readModel(writeModel(model));
      assert.deepEqual(ops(again.graph.nodes[0]?.graphs.get(0) as Graph)[1], 'MatMulInteger');
    });

    it('refuses old opsets and graphs with nothing to do', () => {
      const model = () => graphOf([makeNode('MatMul', ['x', 'w'], ['y'])], [['w', [64, 64]]]);
      assert.throws(
        () => quantizeDynamic(modelOf(model(), 10), { fullRange: false }),
        withCode('MODEL_UNSUPPORTED', /opset 10/),
      );
      const done = modelOf(model());
      quantizeDynamic(done, { fullRange: false });
      assert.throws(() => quantizeDynamic(done, { fullRange: false }), withCode('MODEL_UNSUPPORTED', /already/));
    });

    it('brings in weights of other files, and refuses locations outside the folder', async () => {
      const folder = temporary();
      const write = (location: string, dims: number[]): void => {
        const entry = (key: string, text: string) =>
          bytesField(13, writeFields([textField(1, key), textField(2, text)]));
        const graph = graphOf([makeNode('MatMul', ['x', 'w'], ['y'])], []);
        const fields = [
          ...dims.map((dim) => numberField(1, dim)),
          numberField(2, FLOAT),
          textField(8, 'w'),
          entry('location', location),
          entry('offset', '8'),
          entry('length', String(64 * 64 * 4)),
          numberField(14, 1),
        ];
        graph.weights.set('w', { name: 'w', dims, type: FLOAT, fields });
        writeFiles(folder, { 'onnx/model.onnx': Buffer.from(writeModel(modelOf(graph))) });
      };
      writeFiles(folder, { 'onnx/model.onnx_data': Buffer.concat([Buffer.alloc(8), bytes(floats(64, 64))]) });
      write('model.onnx_data', [64, 64]);
      const { bytes: made, result } = await quantizeFile(folder, 'onnx/model.onnx', { fullRange: false });
      assert.equal(result.matMuls, 1);
      assert.ok(made.length > 64 * 64 && made.length < 64 * 64 * 2);
      write('../../secret', [64, 64]);
      await assert.rejects(
        quantizeFile(folder, 'onnx/model.onnx', { fullRange: false }),
        withCode('PULL_REFUSED', /no plain path/),
      );
      write('model.onnx_data', [640, 64]);
      await assert.rejects(
        quantizeFile(folder, 'onnx/model.onnx', { fullRange: false }),
        withCode('MODEL_UNSUPPORTED', /its shape 640 x 64/),
      );
    });
  });

  describe('a real model', () => {
    let ours: StoredModel;
    let theirs: StoredModel;
    before(async function () {
      this.timeout(60_000);
      const folder = sharedOrSkip(this, 'models/tiny-bert-sst2');
      [theirs] = (await createRepository({ folders: [folder] }).list()) as [StoredModel];
      const root = temporary();
      mkdirSync(join(root, 'tiny'));
      cpSync(folder, join(root, 'tiny'), { recursive: true });
      const [plain] = (await createRepository({ folders: [root] }).list()) as [StoredModel];
      ours = await quantizeModel(plain, { cache: join(root, 'cache'), fullRange: false });
    });

    it("has the size of what Python's quantizer made of it, within 5 %", () => {
      const size = ({ folder }: StoredModel): number => statSync(join(folder, 'onnx/model_quantized.onnx')).size;
      const ratio = size(ours) / size(theirs);
      assert.ok(ratio < 1.05, `${size(ours)} bytes, Python's ${size(theirs)}`);
    });

    it('is as good on SST-2 dev as fp32 and as what Python made, within half a point', async function () {
      this.timeout(60_000);
      const rows = readFileSync(sharedOrSkip(this, 'datasets/sst2/dev.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { text: string; label: string });
      const accuracy = async (model: StoredModel): Promise<number> => (await correct(model, rows)) / rows.length;
      const fp32: StoredModel = { ...theirs, manifest: { ...theirs.manifest, precision: 'fp32' } };
      const [exact, python, plexus] = [await accuracy(fp32), await accuracy(theirs), await accuracy(ours)];
      assert.ok(exact > 0.79, `fp32 ${exact}`);
      assert.ok(
        Math.abs(plexus - exact) <= 0.005 && plexus >= python - 0.005,
        `fp32 ${exact}, Python ${python}, ours ${plexus}`,
      );
    });

    it('is a version of its own that holds, and says what it was made from', async () => {
      await createRepository({ folders: [] }).verify(ours);
      assert.equal(ours.manifest.version, '1-int8');
      assert.equal(ours.manifest.precision, 'int8');
      assert.equal(ours.manifest.derived?.from, 'tiny@1');
      assert.ok((ours.manifest.derived?.bytesBefore ?? 0) > 3.5 * (ours.manifest.derived?.bytesAfter ?? 1));
      assert.ok(!ours.manifest.files.some(({ path }) => path === 'onnx/model.onnx'));
    });

    it('is refused where a file of the original changed', async () => {
      const root = temporary();
      cpSync(theirs.folder, join(root, 'tiny'), { recursive: true });
      const [plain] = (await createRepository({ folders: [root] }).list()) as [StoredModel];
      writeFileSync(join(root, 'tiny/config.json'), '{}');
      await assert.rejects(
        quantizeModel(plain, { cache: join(root, 'cache'), fullRange: false }),
        withCode('MODEL_CHANGED', /config\.json/),
      );
    });
  });

  async function correct(model: StoredModel, rows: readonly { text: string; label: string }[]): Promise<number> {
    const encoder = await openEncoder(model, readSettings(inferenceSettings, {}));
    try {
      const { signal } = new AbortController();
      const inputs = await encoder.texts.fit(
        rows.map(({ text }) => ({ text })),
        { tokensMax: 512, truncate: 'right', field: String, signal },
      );
      const outputs = await encoder.runAll(
        inputs,
        { kind: 'logits' },
        { signal, deadlineMs: Number.POSITIVE_INFINITY },
      );
      return outputs.filter(
        ({ output }, index) =>
          Number((output[1] as number) > (output[0] as number)) === Number(rows[index]?.label === 'POSITIVE'),
      ).length;
    } finally {
      await encoder.close();
    }
  }
});
