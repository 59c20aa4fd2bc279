/**
 * Decoders of encoder-decoder models, as exported, take no mask for their own past: every row of a batch must be of one age, and
 * callers who come at different times could never share a step. So the graph is edited when it is loaded. Self-attention gets a
 * bias that hides the padding on the left (before its Softmax), and where positions are looked up in a table, each row is moved
 * to its own place. The edit is proved against the graph as it came (seq2seq.ts); where it fails, rows of one age decode
 * together and nothing else changes.
 */
import { Tensor } from 'onnxruntime-node';
import type { Cache } from './cache.js';
import { addInput, makeNode, type OnnxGraph, type OnnxNode } from './onnx-graph.js';

/** [rows, 1, 1, places]: 0 where a row has a token, far below where it has padding. */
const BIAS = 'plexus_bias';
/** [rows, 1]: how many places a row stands behind the longest, as a negative number. */
const SHIFT = 'plexus_shift';

/** How a graph has been edited: relative positions need no shift, positions from a table do. */
export type Variant = 'bias' | 'bias and shift';
export const VARIANTS: readonly Variant[] = ['bias', 'bias and shift'];

export const RAGGED_INPUTS: ReadonlySet<string> = new Set([BIAS, SHIFT]);

const OWN_KEY = /^past_key_values\.\d+\.decoder\.key$/;
const OWN = /^past_key_values\.\d+\.decoder\.(key|value)$/;

/** Edits the graph in place; false where it has nothing of the kind to edit. */
export function editRagged(graph: OnnxGraph, variant: Variant, half: boolean): boolean {
  const edits = editGraph(graph, variant, new Set(graph.initializers));
  if (edits.biases === 0 || (variant === 'bias and shift' && edits.shifts === 0)) return false;
  addInput(graph, BIAS, half ? 'float16' : 'float32', ['batch_size', 1, 1, 'plexus_keys']);
  if (variant === 'bias and shift') addInput(graph, SHIFT, 'int64', ['batch_size', 1]);
  return true;
}

/** The inputs the edit added, for a run that gives each row `added` tokens more. `inputs`: those the graph has; absent, all. */
export function fillRagged(
  feeds: Record<string, Tensor>,
  cache: Cache,
  added: number,
  half: boolean,
  inputs?: ReadonlyMap<string, unknown>,
): void {
  const { rows, length, lengths } = cache;
  const places = length + added;
  // -32768 and -1e9: far below every score, and finite, so that a row that is all padding stays a number.
  const data = half ? new Uint16Array(rows * places) : new Float32Array(rows * places);
  const hidden = half ? 0xf800 : -1e9;
  const shifts = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    const padding = length - (lengths[row] as number);
    if (padding === 0) continue;
    data.fill(hidden, row * places, row * places + padding);
    shifts[row] = BigInt(-padding);
  }
  feeds[BIAS] = new Tensor(half ? 'float16' : 'float32', data, [rows, 1, 1, places]);
  if (!inputs || inputs.has(SHIFT)) feeds[SHIFT] = new Tensor('int64', shifts, [rows, 1]);
}

function editGraph(
  graph: OnnxGraph,
  variant: Variant,
  weights: ReadonlySet<string>,
): { biases: number; shifts: number } {
  const done = { biases: 0, shifts: 0 };
  for (const node of graph.nodes) {
    for (const subgraph of node.subgraphs) {
      const inner = editGraph(subgraph, variant, new Set([...weights, ...subgraph.initializers]));
      done.biases += inner.biases;
      done.shifts += inner.shifts;
    }
  }
  const attention = softmaxesOfKeys(graph);
  const lookups = variant === 'bias and shift' ? positionLookups(graph, weights) : new Set<OnnxNode>();
  const nodes: OnnxNode[] = [];
  for (const node of graph.nodes) {
    if (attention.has(node)) {
      const hidden = `plexus_hidden_${done.biases++}`;
      nodes.push(makeNode('Add', [node.inputs[0] as string, BIAS], [hidden]));
      node.inputs[0] = hidden;
    } else if (lookups.has(node)) {
      const moved = `plexus_moved_${done.shifts++}`;
      nodes.push(makeNode('Add', [node.inputs[1] as string, SHIFT], [moved]));
      node.inputs[1] = moved;
    }
    nodes.push(node);
  }
  graph.nodes = nodes;
  return done;
}

/** The first Softmax on every way from the past keys of the decoder. Their shape is no such way. */
function softmaxesOfKeys(graph: OnnxGraph): Set<OnnxNode> {
  const found = new Set<OnnxNode>();
  const reached = new Set<string>();
  for (const node of graph.nodes) {
    if (node.op === 'Shape') continue;
    if (!node.inputs.some((input) => OWN_KEY.test(input) || reached.has(input))) continue;
    if (node.op === 'Softmax') found.add(node);
    else for (const output of node.outputs) reached.add(output);
  }
  return found;
}

/** Lookups in a table of weights whose place follows from how long the past is. */
function positionLookups(graph: OnnxGraph, weights: ReadonlySet<string>): Set<OnnxNode> {
  const found = new Set<OnnxNode>();
  const ofPast = new Set<string>();
  const ofLength = new Set<string>();
  for (const node of graph.nodes) {
    const past = node.inputs.some((input) => OWN.test(input) || ofPast.has(input));
    const length = node.op === 'Shape' ? past : node.inputs.some((input) => ofLength.has(input));
    if (length && node.op === 'Gather' && weights.has(node.inputs[0] as string)) {
      if (ofLength.has(node.inputs[1] as string)) found.add(node);
      continue; // What was looked up is content, no longer a length.
    }
    for (const output of node.outputs) {
      if (length) ofLength.add(output);
      else if (past) ofPast.add(output);
    }
  }
  return found;
}
