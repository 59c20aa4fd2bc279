/**
 * A decoder with a past, as exported, is made for one sequence from its beginning to its end. Rewritten when it is loaded it becomes
 * a step of a batch: what only copies is taken out; past keys and values are read where they lie, places outermost, and only the
 * new ones are given back, so that no step copies the past (as exported each step writes all of it anew, a third of its time at 8
 * rows); shapes that never change are constants, which is half of the nodes. seq2seq.ts proves the result against the graph as
 * it came.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  addInput,
  addOutput,
  addWhole,
  attributeOf,
  type Element,
  MICROSOFT,
  makeNode,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  outputsOf,
  prune,
  removeInput,
  removeOutput,
  useDomain,
  writeModel,
} from './onnx-graph.js';

/** A cached tensor of the decoder's own past: [rows, outer, places, inner] as exported, [places, rows, outer, inner] when rewritten. */
export interface OwnPast {
  input: string;
  output: string;
  type: Element;
  outer: number;
  inner: number;
}

/** Takes out nodes whose output is their input. Exports are full of them: `cat` of one tensor copies the whole cross-attention. */
export function dropCopies(graph: OnnxGraph): void {
  const outputs = new Set(outputsOf(graph));
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const names = new Map<string, string>();
  const now = (name: string): string => {
    let found = name;
    while (names.has(found)) found = names.get(found) as string;
    return found;
  };
  const kept: OnnxNode[] = [];
  for (const node of graph.nodes) {
    const copies =
      (node.op === 'Identity' || node.op === 'Concat') && node.inputs.length === 1 && node.outputs.length === 1;
    const [from, to] = [now(node.inputs[0] ?? ''), node.outputs[0] as string];
    if (!copies) kept.push(node);
    else if (!outputs.has(to)) names.set(to, from);
    else if (made.has(from) && !outputs.has(from)) names.set(from, to);
    else kept.push(node);
  }
  const rename = (part: OnnxGraph): void => {
    for (const node of part.nodes) {
      node.inputs = node.inputs.map(now);
      for (const inner of node.subgraphs) rename(inner);
    }
  };
  graph.nodes = kept;
  rename(graph);
  for (const node of kept) node.outputs = node.outputs.map((name) => (names.has(name) ? now(name) : name));
}

/**
 * Past keys and values as [places, rows, heads, width], and of the new ones only themselves given back. Returns the names of the
 * outputs that now hold them, or undefined where the graph does not append as exports do.
 */
export function splitPast(model: OnnxModel, pasts: readonly OwnPast[]): Map<string, string> | undefined {
  const { graph } = model;
  const fresh = new Map<string, string>();
  const users = (name: string): OnnxNode[] => graph.nodes.filter(({ inputs }) => inputs.includes(name));
  const swap = (node: OnnxNode, nodes: OnnxNode[]): void => {
    graph.nodes.splice(graph.nodes.indexOf(node), 1, ...nodes);
  };
  const outputs = new Set(outputsOf(graph));
  addWhole(graph, 'plexus_order', [1, 2, 0, 3]);
  addWhole(graph, 'plexus_one_more', [0, 0, 1, 0]);
  for (const [name, value] of [
    ['plexus_start', 0],
    ['plexus_last', -1],
    ['plexus_end', 2 ** 31],
    ['plexus_axis', 3],
  ] as const)
    addWhole(graph, name, [value]);

  for (const [index, past] of pasts.entries()) {
    const append = graph.nodes.find(
      ({ op, inputs, outputs: [output = ''] }) =>
        op === 'Concat' && inputs.length === 2 && inputs[0] === past.input && output === past.output,
    );
    if (!append || ![2, -2].includes(attributeOf(append, 'axis')?.[0] ?? Number.NaN)) return undefined;
    const added = append.inputs[1] as string;
    if (outputs.has(added)) return undefined;
    const id = `plexus_${index}`;
    const [all, shape] = [append.outputs[0] as string, `${id}_shape`];
    if (users(added).some((node) => node !== append && node.op !== 'Shape')) return undefined;

    removeInput(graph, past.input);
    addInput(graph, past.input, past.type, ['plexus_places', 'batch_size', past.outer, past.inner]);
    removeOutput(graph, all);
    addOutput(graph, added, past.type, ['batch_size', past.outer, 1, past.inner]);
    fresh.set(past.input, added);

    const before: OnnxNode[] = [];
    const measured = [
      makeNode('Shape', [past.input], [`${id}_places`]),
      makeNode('Gather', [`${id}_places`, 'plexus_order'], [shape], { axis: 0 }),
    ];
    for (const node of users(past.input)) {
      if (node === append) continue;
      if (before.length === 0) before.push(...measured);
      if (node.op === 'Shape') {
        for (const user of users(node.outputs[0] as string))
          user.inputs = user.inputs.map((name) => (name === node.outputs[0] ? shape : name));
        swap(node, []);
      } else return undefined;
    }
    for (const node of users(all)) {
      const replaced = node.op === 'Shape' ? longer(node, shape) : attention(graph, node, all, past, added, id);
      if (!replaced) continue;
      if (node.op === 'Shape' && before.length === 0) before.push(...measured);
      for (const [old, nodes] of replaced) swap(old, nodes);
    }
    // Whoever still reads past and new together gets them as they were: one copy more than as exported, but right.
    if (users(all).length > 0) {
      before.push(makeNode('Transpose', [past.input], [`${id}_rows`], { perm: [1, 2, 0, 3] }));
      append.inputs[0] = `${id}_rows`;
    } else swap(append, []);
    graph.nodes.unshift(...before);
  }
  useDomain(model, MICROSOFT);
  return fresh;
}

function longer(node: OnnxNode, shape: string): Map<OnnxNode, OnnxNode[]> {
  return new Map([[node, [makeNode('Add', [shape, 'plexus_one_more'], [...node.outputs])]]]);
}

/** What takes the place of the products of attention that read past and new as one; undefined where it is none that is known. */
function attention(
  graph: OnnxGraph,
  node: OnnxNode,
  all: string,
  past: OwnPast,
  added: string,
  id: string,
): Map<OnnxNode, OnnxNode[]> | undefined {
  if (past.type !== 'float32') return undefined; // The product that reads any order of axes is there for 32 bits only.
  const users = (name: string): OnnxNode[] => graph.nodes.filter(({ inputs }) => inputs.includes(name));
  const made = new Map<OnnxNode, OnnxNode[]>();
  const product = (inputs: string[], output: string, attributes: Record<string, number>): OnnxNode =>
    makeNode('FusedMatMul', inputs, [output], attributes, MICROSOFT);

  if (node.op === 'MatMul' && node.inputs[1] === all) {
    const [weights, output] = [node.inputs[0] as string, node.outputs[0] as string];
    const name = (what: string): string => `${id}_${what}_${output}`;
    made.set(node, [
      makeNode('Slice', [weights, 'plexus_start', 'plexus_last', 'plexus_axis'], [name('old')]),
      makeNode('Slice', [weights, 'plexus_last', 'plexus_end', 'plexus_axis'], [name('new')]),
      product([name('old'), past.input], name('a'), { transBatchB: 1 }),
      makeNode('MatMul', [name('new'), added], [name('b')]),
      makeNode('Add', [name('a'), name('b')], [output]),
    ]);
    return made;
  }
  if (node.op !== 'Transpose' || attributeOf(node, 'perm')?.join() !== '0,1,3,2') return undefined;
  for (const user of users(node.outputs[0] as string)) {
    // transformers' SDPA scales the keys too; the query takes that factor instead.
    const scaled = user.op === 'Mul' ? user.inputs.find((name) => name !== node.outputs[0]) : undefined;
    const readers = scaled ? users(user.outputs[0] as string) : [user];
    const read = (scaled ? user : node).outputs[0] as string;
    for (const reader of readers) {
      if (reader.op !== 'MatMul' || reader.inputs[1] !== read) return undefined;
      const [query, output] = [reader.inputs[0] as string, reader.outputs[0] as string];
      const name = (what: string): string => `${id}_${what}_${output}`;
      const asked = scaled ? name('query') : query;
      made.set(reader, [
        ...(scaled ? [makeNode('Mul', [query, scaled], [asked])] : []),
        product([asked, past.input], name('a'), { transB: 1, transBatchB: 1 }),
        product([asked, added], name('b'), { transB: 1 }),
        makeNode('Concat', [name('a'), name('b')], [output], { axis: 3 }),
      ]);
    }
    if (scaled) made.set(user, []);
  }
  made.set(node, []);
  return made;
}

/** How many of each row's highest logits a run gives: an input. */
export const TOP_COUNT = 'plexus_top';
const TOP_IDS = 'plexus_top_ids';
const TOP_SCORES = 'plexus_top_scores';
export const TOP_OUTPUTS: readonly string[] = [TOP_IDS, TOP_SCORES];

/**
 * Lets the graph choose: ids and scores of the highest logits as outputs of their own, so that a run need not give out all others (1 MB of
 * 32,128 for 8 rows, which the binding copies and JavaScript then looks through: 0.6 ms of a step, where this is 0.1).
 */
export function addTop({ graph }: OnnxModel): void {
  graph.nodes.push(makeNode('TopK', ['logits', TOP_COUNT], [TOP_SCORES, TOP_IDS], { axis: -1 }));
  addInput(graph, TOP_COUNT, 'int64', [1]);
  addOutput(graph, TOP_IDS, 'int64', ['batch_size', 1, 'plexus_kept']);
  addOutput(graph, TOP_SCORES, 'float32', ['batch_size', 1, 'plexus_kept']);
}

/** Shape of what each of these nodes gave in one run: by the node's output. */
type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Puts a constant where a Reshape or an Expand computes the same shape whatever the batch is, and a Reshape where a Transpose moves
 * nothing (one token's heads). `open` opens a model, and runs it for
 * two batches that have no dimension in common; what stays the same is constant, and one axis of a Reshape may follow from the rest.
 */
export async function fixShapes(
  model: OnnxModel,
  feeds: readonly Readonly<Record<string, Tensor>>[],
  open: (bytes: Uint8Array) => Promise<InferenceSession>,
): Promise<void> {
  const { graph } = model;
  const known = new Set([
    ...graph.initializers,
    ...graph.nodes.filter(({ op }) => op === 'Constant').flatMap(({ outputs }) => outputs),
  ]);
  const shaped = graph.nodes.filter(
    ({ op, inputs }) =>
      op === 'Transpose' || ((op === 'Reshape' || op === 'Expand') && !known.has(inputs[1] as string)),
  );
  if (shaped.length === 0) return;
  const probe: OnnxModel = { ...model, graph: { ...graph, nodes: [...graph.nodes], rest: [...graph.rest] } };
  for (const {
    outputs: [output = ''],
  } of shaped) {
    probe.graph.nodes.push(makeNode('Shape', [output], [`plexus_shape_of_${output}`]));
    addOutput(probe.graph, `plexus_shape_of_${output}`, 'int64', ['plexus_rank']);
  }
  const session = await open(writeModel(probe));
  const seen: Shapes[] = [];
  try {
    for (const each of feeds) {
      const names = shaped.map(({ outputs: [output = ''] }) => `plexus_shape_of_${output}`);
      const results = await session.run(each, names);
      seen.push(
        new Map(
          shaped.map(({ outputs: [output = ''] }) => [
            output,
            Array.from((results[`plexus_shape_of_${output}`] as Tensor).data as BigInt64Array, Number),
          ]),
        ),
      );
    }
  } finally {
    await session.release();
  }
  for (const node of shaped) {
    const [output = ''] = node.outputs;
    const shapes = seen.map((each) => each.get(output) as readonly number[]);
    const [first = []] = shapes;
    const fixed = first.map((size, axis) => (shapes.every((shape) => shape[axis] === size) ? size : -1));
    const open = fixed.filter((size) => size === -1).length;
    if (open > (node.op === 'Expand' ? 0 : 1)) continue;
    if (node.op === 'Transpose' && !shapes.every((shape) => keepsOrder(attributeOf(node, 'perm') ?? [], shape)))
      continue;
    const name = `plexus_fixed_${fixed.join('_').replaceAll('-', 'm')}`;
    if (!graph.initializers.has(name)) addWhole(graph, name, fixed);
    if (node.op === 'Transpose') {
      const [input = ''] = node.inputs;
      graph.nodes.splice(graph.nodes.indexOf(node), 1, makeNode('Reshape', [input, name], [output]));
    } else node.inputs[1] = name;
  }
  // Of two in a row the last says all.
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  for (const node of graph.nodes) {
    if (node.op !== 'Reshape' || !node.inputs[1]?.startsWith('plexus_fixed_')) continue;
    for (let before = makers.get(node.inputs[0] as string); before?.op === 'Reshape'; ) {
      node.inputs[0] = before.inputs[0] as string;
      before = makers.get(node.inputs[0]);
    }
  }
  prune(graph);
}

/** True where a Transpose that gives this shape moves nothing but axes of one: then the numbers stay in their order. */
function keepsOrder(perm: readonly number[], shape: readonly number[]): boolean {
  const moved = perm.filter((_axis, place) => shape[place] !== 1);
  return (
    perm.length === shape.length && moved.every((axis, place) => place === 0 || axis > (moved[place - 1] as number))
  );
}
