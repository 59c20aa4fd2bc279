/** Editing graphs: what is not touched stays byte for byte, and what is added is found where it belongs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OnnxGraph, readModel, writeModel } from '../../../inference/generate/onnx-graph.js';
import { editDecoder } from '../../../inference/generate/ragged.js';
import { fixtureFolder } from './models.js';

const file = (name: string, stem: string): string => join(fixtureFolder(name), 'onnx', `${stem}.onnx`);

/** Operators with their inputs and outputs, subgraphs included. */
function nodesOf(graph: OnnxGraph): string[] {
  return graph.nodes.flatMap(({ op, inputs, outputs, subgraphs }) => [
    `${op} ${inputs} -> ${outputs}`,
    ...subgraphs.flatMap(nodesOf),
  ]);
}

describe('an ONNX graph', () => {
  for (const [name, stem] of [
    ['t5', 'decoder_with_past_model'],
    ['marian', 'decoder_model_merged'],
    ['gpt2', 'model'],
  ] as const) {
    it(`is the same after reading and writing: ${name}`, () => {
      const bytes = readFileSync(file(name, stem));
      const once = writeModel(readModel(bytes));
      assert.equal(once.length, bytes.length);
      assert.deepEqual(nodesOf(readModel(once).graph), nodesOf(readModel(bytes).graph));
      assert.deepEqual(Buffer.from(writeModel(readModel(once))), Buffer.from(once));
    });
  }

  it('gets one bias a layer of self-attention, in the branch that has a past, and none in cross-attention', async () => {
    for (const [name, stem] of [
      ['t5', 'decoder_with_past_model'],
      ['t5-merged', 'decoder_model_merged'],
    ] as const) {
      const edited = await editDecoder(file(name, stem), 'bias', false);
      assert.ok(edited);
      const before = nodesOf(readModel(readFileSync(file(name, stem))).graph);
      const { graph } = readModel(edited);
      const added = nodesOf(graph).filter((node) => !before.includes(node));
      assert.equal(added.filter((node) => node.startsWith('Add') && node.includes('plexus_bias')).length, 2);
      assert.equal(added.filter((node) => node.startsWith('Softmax')).length, 2);
      assert.equal(added.length, 4, added.join('\n'));
      assert.ok(graph.inputs.includes('plexus_bias'));
    }
  });

  it('gets a shift where positions are looked up in a table, and none where they are relative', async () => {
    const bart = await editDecoder(file('bart', 'decoder_with_past_model'), 'bias and shift', false);
    assert.ok(bart);
    assert.equal(nodesOf(readModel(bart).graph).filter((node) => node.includes('plexus_shift')).length, 1);
    const llama = await editDecoder(file('llama', 'model'), 'bias', false);
    assert.equal(llama, undefined, 'a decoder-only model has no past of that name: its own mask serves');
  });

  it('is refused where the file is cut', () => {
    const bytes = readFileSync(file('t5', 'encoder_model'));
    assert.throws(() => readModel(bytes.subarray(0, bytes.length - 10)), /middle of a field/);
    assert.throws(() => readModel(Buffer.from('not a graph at all')));
  });
});
