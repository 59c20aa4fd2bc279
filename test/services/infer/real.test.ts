/** Real graphs through the service against Python's onnxruntime (reference.py), alone and joined with others' calls. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../protos/index.js';
import * as infer from '../../../services/infer/index.js';
import type { InferModel } from '../../../services/infer/model.js';
import { type NumberType, toBytes, toNumbers } from '../../../services/infer/numbers.js';
import { type ServedCapability, serveCapability } from '../../kit/capability.js';
import { temporaryFolders } from '../../kit/model-folder.js';
import { sharedOrSkip } from '../../kit/shared.js';

interface Case {
  folder: string;
  file: string;
  inputs: { name: string; type: NumberType; shape: number[]; seed: number; high: number }[];
  outputs: { name: string; shape: number[]; values: number[] }[];
}

const { cases } = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'services', 'infer', 'reference', 'outputs.json'), 'utf8'),
) as { cases: Case[] };

/** The inputs of reference.py. */
function values({ type, shape, seed, high }: Case['inputs'][number]): number[] {
  let state = BigInt(seed);
  return Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, () => {
    if (high === 0) return 1;
    state = (state * 1103515245n + 12345n) % 2n ** 31n;
    const whole = Number((state >> 8n) % BigInt(high));
    return type === 'float32' ? whole / 16 : whole;
  });
}

const nameOf = ({ folder, file }: Case): string => `${folder}.${file.replace('.onnx', '')}`;

describe('real graphs through the infer service', () => {
  const temporary = temporaryFolders();
  let served: ServedCapability<InferModel>;
  before(async function () {
    this.timeout(60_000);
    const shared = sharedOrSkip(this, 'models');
    const root = temporary();
    for (const each of cases) {
      const folder = join(root, nameOf(each));
      mkdirSync(folder);
      copyFileSync(join(shared, each.folder, 'onnx', each.file), join(folder, each.file));
      writeFileSync(join(folder, 'config.json'), '{"batchable": true}');
    }
    const [first, ...others] = cases.map(nameOf) as [string, ...string[]];
    served = await serveCapability(this, infer, [first, ...others], {}, root);
  });
  after(() => served?.close());

  /** Rows `from` to `to` of a case, as one call. */
  async function call(each: Case, from = 0, to = Number.POSITIVE_INFINITY) {
    const inputs = each.inputs.map((input) => {
      const [rows = 0, ...rest] = input.shape;
      const width = rest.reduce((product, dim) => product * dim, 1);
      const count = Math.min(rows, to) - from;
      const own = values(input).slice(from * width, (from + count) * width);
      return { name: input.name, shape: [count, ...rest], data: Buffer.from(toBytes(input.type, own, input.name)) };
    });
    const { outputs } = await served.client.infer.infer({ model: nameOf(each), inputs });
    return outputs.map(({ name, shape, data }) => ({ name, shape, values: toNumbers('float32', data) }));
  }

  for (const each of cases) {
    it(`${nameOf(each)} gives what Python gives`, async () => {
      const given = await call(each);
      assert.deepEqual(
        given.map(({ name, shape }) => [name, shape]),
        each.outputs.map(({ name, shape }) => [name, shape]),
      );
      each.outputs.forEach(({ values: expected }, index) => {
        const apart = expected.map((value, at) => Math.abs(value - (given[index]?.values[at] as number)));
        const size = Math.max(1, ...expected.map(Math.abs));
        assert.ok(Math.max(...apart) <= 2e-6 * size, `apart by ${Math.max(...apart)} of ${size}`);
      });
    });

    it(`${nameOf(each)} gives a row the same alone and among others`, async () => {
      const rows = each.inputs[0]?.shape[0] ?? 0;
      const whole = await call(each);
      const calls = Array.from({ length: 6 * rows }, (_, index) => call(each, index % rows, (index % rows) + 1));
      let apart = 0;
      for (const [index, outputs] of (await Promise.all(calls)).entries()) {
        outputs.forEach((output, place) => {
          const width = output.values.length;
          const expected = whole[place]?.values.slice((index % rows) * width, ((index % rows) + 1) * width) ?? [];
          const size = Math.max(1, ...expected.map(Math.abs));
          output.values.forEach((value, at) => {
            apart = Math.max(apart, Math.abs(value - (expected[at] as number)) / size);
          });
        });
      }
      // Kernels add in another order for other numbers of rows; nothing else may differ.
      assert.ok(apart <= 2e-6, `apart by ${apart}`);
    });
  }

  it('ran several of them at once', async () => {
    const { stats } = { stats: (await served.hub.list()).map((entry) => entry.stats) };
    assert.ok(stats.some((each) => each !== undefined && each.batches < each.requests));
  });
});
