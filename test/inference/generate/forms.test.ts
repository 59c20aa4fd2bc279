/** The same weights in other forms of export: what comes out must be the same. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  addInput,
  addOutput,
  makeNode,
  type OnnxGraph,
  outputsOf,
  readModel,
  writeModel,
} from '../../../inference/generate/onnx-graph.js';
import { temporaryFolders } from '../../kit/model-folder.js';
import { fixtureFolder, open, openFixture, stored, unhurried } from './models.js';

const INPUTS = [
  [21, 75, 81, 56, 9, 14, 34, 43, 60, 1],
  [7, 8, 9],
];
const GIVEN = [{ maxNewTokens: 14 }, { maxNewTokens: 9, numBeams: 3 }];

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 128);
  }
}

function delimited(number: number, body: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** Moves the weights of a file into one beside it, as exporters do above two gigabytes. */
function moveWeightsOut(file: string): void {
  const model = readModel(readFileSync(file));
  const data: Buffer[] = [];
  let offset = 0;
  for (const field of model.graph.rest.filter(({ number }) => number === 5)) {
    // Raw data is field 9: one byte of tag, then its length and itself, last in what torch and onnx write or not.
    const body = Buffer.from(field.body);
    const at = findField(body, 9);
    if (!at || at.end - at.start < 64) continue;
    const entry = (key: string, value: string): Buffer =>
      delimited(13, Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, Buffer.from(value))]));
    const raw = body.subarray(at.start, at.end);
    const moved = Buffer.concat([
      body.subarray(0, at.tag),
      body.subarray(at.end),
      entry('location', 'weights.bin'),
      entry('offset', String(offset)),
      entry('length', String(raw.length)),
      Buffer.from([14 * 8, 1]),
    ]);
    data.push(raw);
    offset += raw.length;
    field.body = moved;
    field.raw = delimited(5, moved);
  }
  assert.ok(data.length > 5);
  writeFileSync(file, writeModel(model));
  writeFileSync(join(file, '..', 'weights.bin'), Buffer.concat(data));
}

function findField(body: Buffer, wanted: number): { tag: number; start: number; end: number } | undefined {
  const read = (from: number): [number, number] => {
    let value = 0;
    for (let at = from, factor = 1; ; at++, factor *= 128) {
      value += ((body[at] as number) & 127) * factor;
      if ((body[at] as number) < 128) return [value, at + 1];
    }
  };
  for (let at = 0; at < body.length; ) {
    const [tag, behind] = read(at);
    const [length, start] = read(behind);
    if (tag % 8 === 2) {
      if (Math.floor(tag / 8) === wanted) return { tag: at, start, end: start + length };
      at = start + length;
    } else at = start; // a number: `length` was its value
  }
  return undefined;
}

/** A decoder with a past as one branch of two: what Optimum wrote as decoder_model_merged. */
function merge(from: string, to: string): void {
  const model = readModel(readFileSync(from));
  const { graph } = model;
  const outputs = outputsOf(graph);
  const branch = (prefix: string): OnnxGraph => {
    const name = (each: string): string => (outputs.includes(each) ? `${prefix}${each}` : each);
    const made: OnnxGraph = {
      nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(name), outputs: node.outputs.map(name) })),
      initializers: new Set(),
      inputs: [],
      rest: [{ number: 2, raw: delimited(2, Buffer.from(prefix)), body: Buffer.from(prefix) }],
    };
    for (const output of outputs) {
      const shape = output === 'logits' ? ['b', 't', 'v'] : ['b', 'h', 't', 'd'];
      addOutput(made, name(output), 'float32', shape);
    }
    return made;
  };
  const holder = (name: string) => [
    { number: 1, raw: delimited(1, Buffer.from(name)), body: Buffer.from(name) },
    { number: 20, raw: Buffer.concat([varint(20 * 8), varint(5)]), body: Buffer.alloc(0) },
  ];
  const chosen = makeNode('If', ['use_cache_branch'], outputs);
  chosen.subgraphs.push(branch('with.'), branch('without.'));
  chosen.holders.push(holder('then_branch'), holder('else_branch'));
  graph.nodes = [chosen];
  addInput(graph, 'use_cache_branch', 'bool', [1]);
  writeFileSync(to, writeModel(model));
}

describe('other forms of the same weights', () => {
  const temporary = temporaryFolders();
  const copyOf = (name: string): string => {
    const folder = join(temporary(), name);
    cpSync(fixtureFolder(name), folder, { recursive: true });
    return folder;
  };
  const same = async (name: string, folder: string, description: RegExp): Promise<void> => {
    const [plain, other] = await Promise.all([openFixture(name), open(stored(name, folder))]);
    try {
      assert.match(other.description, description);
      assert.equal(other.ragged, plain.ragged);
      for (const given of GIVEN) {
        const [a, b] = await Promise.all(
          [plain, other].map((model) => Promise.all(INPUTS.map((ids) => model.generate(ids, given, unhurried())))),
        );
        assert.deepEqual(
          b?.map(({ results }) => results.map(({ ids }) => ids)),
          a?.map(({ results }) => results.map(({ ids }) => ids)),
        );
      }
    } finally {
      await Promise.all([plain.close(), other.close()]);
    }
  };

  it('has its weights beside the graph: rewritten all the same, and rows of any age share a step', async () => {
    const folder = copyOf('t5');
    const file = join(folder, 'onnx', 'decoder_with_past_model.onnx');
    const before = statSync(file).size;
    moveWeightsOut(file);
    assert.ok(statSync(file).size < before);
    await same('t5', folder, /^encoder-decoder, decoder with past$/);
  });

  it('is a decoder-only model merged of two branches', async () => {
    const folder = copyOf('gpt2');
    merge(join(folder, 'onnx', 'model.onnx'), join(folder, 'onnx', 'decoder_model_merged.onnx'));
    rmSync(join(folder, 'onnx', 'model.onnx'));
    await same('gpt2', folder, /decoder-only, 2 layers of cache/);
  });
});
