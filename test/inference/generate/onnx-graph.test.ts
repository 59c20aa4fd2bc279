/** Editing graphs: what is not touched stays byte for byte, and what is added is found where it belongs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  branchOf,
  type OnnxGraph,
  outputsOf,
  prune,
  readModel,
  removeOutput,
  writeModel,
} from '../../../inference/generate/onnx-graph.js';
import { editRagged, type Variant } from '../../../inference/generate/ragged.js';
import { dropCopies, splitPast } from '../../../inference/generate/step-graph.js';
import { fixtureFolder } from './models.js';

const file = (name: string, stem: string): string => join(fixtureFolder(name), 'onnx', `${stem}.onnx`);

/** Operators with their inputs and outputs, subgraphs included. */
function nodesOf(graph: OnnxGraph): string[] {
  return graph.nodes.flatMap(({ op, inputs, outputs, subgraphs }) => [
    `${op} ${inputs} -> ${outputs}`,
    ...subgraphs.flatMap(nodesOf),
  ]);
}

function edit(path: string, variant: Variant): OnnxGraph | undefined {
  const { graph } = readModel(readFileSync(path));
  return editRagged(graph, variant, false) ? graph : undefined;
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

  it('gets one bias a layer of self-attention, in the branch that has a past, and none in cross-attention', () => {
    for (const [name, stem] of [
      ['t5', 'decoder_with_past_model'],
      ['t5-merged', 'decoder_model_merged'],
    ] as const) {
      const graph = edit(file(name, stem), 'bias');
      assert.ok(graph);
      const before = nodesOf(readModel(readFileSync(file(name, stem))).graph);
      const added = nodesOf(graph).filter((node) => !before.includes(node));
      assert.equal(added.filter((node) => node.startsWith('Add') && node.includes('plexus_bias')).length, 2);
      assert.equal(added.filter((node) => node.startsWith('Softmax')).length, 2);
      assert.equal(added.length, 4, added.join('\n'));
      assert.ok(graph.inputs.includes('plexus_bias'));
    }
  });

  it('gets a shift where positions are looked up in a table, and none where they are relative', () => {
    const bart = edit(file('bart', 'decoder_with_past_model'), 'bias and shift');
    assert.ok(bart);
    assert.equal(nodesOf(bart).filter((node) => node.includes('plexus_shift')).length, 1);
    const llama = edit(file('llama', 'model'), 'bias');
    assert.equal(llama, undefined, 'a decoder-only model has no past of that name: its own mask serves');
  });

  for (const [name, stem, merged] of [
    ['t5', 'decoder_with_past_model', false],
    ['bart', 'decoder_with_past_model', false],
    ['t5-merged', 'decoder_model_merged', true],
    ['marian', 'decoder_model_merged', true],
  ] as const) {
    it(`reads its past where it lies and gives back only what is new: ${name}`, () => {
      const exported = readModel(readFileSync(file(name, stem)));
      const model = merged ? branchOf(exported, 'use_cache_branch', true) : exported;
      assert.ok(model);
      for (const output of outputsOf(model.graph)) {
        if (output !== 'logits' && !output.includes('.decoder.')) removeOutput(model.graph, output);
      }
      prune(model.graph);
      dropCopies(model.graph);
      const pasts = [0, 1].flatMap((layer) =>
        ['key', 'value'].map((kind) => ({
          input: `past_key_values.${layer}.decoder.${kind}`,
          output: `present.${layer}.decoder.${kind}`,
          type: 'float32' as const,
          outer: 3,
          inner: 8,
        })),
      );
      const fresh = splitPast(model, pasts);
      assert.equal(fresh?.size, 4);
      const { graph } = readModel(writeModel(model));
      prune(graph);
      const readers = graph.nodes.filter(({ inputs }) => inputs.some((input) => input.includes('.decoder.')));
      assert.deepEqual([...new Set(readers.map(({ op }) => op))].sort(), ['FusedMatMul', 'Shape']);
      assert.deepEqual(outputsOf(graph), ['logits', ...(fresh?.values() ?? [])]);
    });
  }

  it('is refused where the file is cut', () => {
    const bytes = readFileSync(file('t5', 'encoder_model'));
    assert.throws(() => readModel(bytes.subarray(0, bytes.length - 10)), /middle of a field/);
    assert.throws(() => readModel(Buffer.from('not a graph at all')));
  });
});
