/**
 * Dynamic int8: weights become integers now, activations when the model runs. Each MatMul (and Gemm) with a constant matrix turns
 * into DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul, which onnxruntime fuses when it loads the file; each table that
 * Gather reads turns into integer rows with a scale each. Standard operators only, so that every runtime can run the result.
 */
import { MeshError } from '../../chassis/errors.js';
import { quantize, RANGE, transpose } from './int8.js';
import {
  attribute,
  externalOf,
  FLOAT,
  floatAttribute,
  floatsOf,
  type Graph,
  graphsOf,
  INT8,
  type Model,
  makeNode,
  makeTensor,
  type Node,
  removeWeight,
  type Tensor,
} from './onnx.js';
import { integersOf } from './wire.js';

export interface DynamicOptions {
  /** 8 bits of a weight instead of 7: a little more exact, wrong on processors without VNNI. Default false. */
  fullRange: boolean;
}

export interface DynamicResult {
  /** Operators that compute in integers now. */
  matMuls: number;
  /** Tables that are integers now. */
  tables: number;
  /** Float matrices and tables of some size that stayed, and why. */
  kept: { name: string; why: string }[];
}

/** Smaller ones (a classifier's last layer) save nothing and cost exactness. */
const ELEMENTS_MIN = 4_096;
/** DynamicQuantizeLinear came with 11. */
const OPSET_MIN = 11;

/** Changes `model` in place. */
export function quantizeDynamic(model: Model, { fullRange }: DynamicOptions): DynamicResult {
  if (model.opset < OPSET_MIN) {
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `the graph is of opset ${model.opset}; integers need ${OPSET_MIN} or later: export the model again`,
    );
  }
  foldTransposes(model.graph);
  const result: DynamicResult = { matMuls: 0, tables: 0, kept: [] };
  const plan = planOf(model.graph, result);
  const most = fullRange ? RANGE.full : RANGE.reduced;
  for (const [tensor, { home, use }] of plan) replaceWeight(home, tensor, use, most);
  const planned = new Map([...plan].map(([tensor, { use }]) => [tensor.name, use]));
  for (const { graph } of [...graphsOf(model.graph)]) graph.nodes = rewrite(graph, planned, result);
  if (result.matMuls + result.tables === 0) {
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      'the graph has no float matrix or table of some size: is it quantized already?',
    );
  }
  return result;
}

/** How a weight is used, everywhere in the model: only one way can be served by one layout. */
type Use = 'matmul' | 'gemm' | 'gemm transposed' | 'gather';

interface Planned {
  home: Graph;
  use: Use;
}

/** Which weights become integers. */
function planOf(root: Graph, result: DynamicResult): Map<Tensor, Planned> {
  const uses = new Map<Tensor, { home: Graph; uses: Set<Use | 'other'> }>();
  for (const { graph, scopes } of graphsOf(root)) {
    for (const node of graph.nodes) {
      for (const [index, input] of node.inputs.entries()) note(input, useOf(node, index), scopes, uses);
    }
    for (const output of graph.outputs) note(output, 'other', scopes, uses);
  }
  const plan = new Map<Tensor, Planned>();
  for (const [tensor, { home, uses: found }] of uses) {
    const elements = tensor.dims.reduce((product, dim) => product * dim, 1);
    const [use] = found;
    if (tensor.type !== FLOAT || tensor.dims.length !== 2 || elements < ELEMENTS_MIN || use === undefined) continue;
    if (externalOf(tensor)) result.kept.push({ name: tensor.name, why: 'lies in another file that was not read' });
    else if (found.size > 1)
      result.kept.push({ name: tensor.name, why: `is used in several ways (${[...found].join(', ')})` });
    else if (use === 'other') result.kept.push({ name: tensor.name, why: 'is used by other operators' });
    else plan.set(tensor, { home, use });
  }
  return plan;
}

function note(
  name: string,
  use: Use | 'other',
  scopes: readonly Graph[],
  uses: Map<Tensor, { home: Graph; uses: Set<Use | 'other'> }>,
): void {
  const home = scopes.find((scope) => scope.weights.has(name));
  const tensor = home?.weights.get(name);
  if (!home || !tensor) return;
  const known = uses.get(tensor);
  if (known) known.uses.add(use);
  else uses.set(tensor, { home, uses: new Set([use]) });
}

function useOf(node: Node, index: number): Use | 'other' {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return 'other';
  if (node.op === 'MatMul' && index === 1) return 'matmul';
  if (node.op === 'Gather' && index === 0 && (attribute(node, 'axis') ?? 0) === 0) return 'gather';
  const isPlainGemm =
    (floatAttribute(node, 'alpha') ?? 1) === 1 &&
    (floatAttribute(node, 'beta') ?? 1) === 1 &&
    (attribute(node, 'transA') ?? 0) === 0;
  if (node.op === 'Gemm' && index === 1 && isPlainGemm)
    return attribute(node, 'transB') === 1 ? 'gemm transposed' : 'gemm';
  return 'other';
}

const integers = (name: string): string => `${name}_int8`;
const scales = (name: string): string => `${name}_scales`;

function replaceWeight(home: Graph, tensor: Tensor, use: Use, most: number): void {
  const [first = 0, second = 0] = tensor.dims;
  const turned = use === 'gemm transposed';
  const floats = turned ? transpose(floatsOf(tensor), first, second) : floatsOf(tensor);
  const [rows, columns] = turned ? [second, first] : [first, second];
  // A table's rows are added to nothing in integers: they may use all 8 bits.
  const { values, scales: found } = quantize(
    floats,
    rows,
    columns,
    use === 'gather' ? 'row' : 'column',
    use === 'gather' ? RANGE.full : most,
  );
  removeWeight(home, tensor.name);
  home.weights.set(
    integers(tensor.name),
    makeTensor(integers(tensor.name), INT8, [rows, columns], new Uint8Array(values.buffer)),
  );
  // Gather reads a row's scale beside its integers; MatMul's result is scaled by column.
  const dims = use === 'gather' ? [rows, 1] : [columns];
  home.weights.set(scales(tensor.name), makeTensor(scales(tensor.name), FLOAT, dims, new Uint8Array(found.buffer)));
}

/** The nodes of a graph with the planned ones replaced, in an order in which they can run. */
function rewrite(graph: Graph, planned: ReadonlyMap<string, Use>, result: DynamicResult): Node[] {
  const nodes: Node[] = [];
  const quantized = new Set<string>();
  const shadowed = new Set(graph.nodes.flatMap((node) => node.outputs));
  const tables = new Set<string>();
  for (const node of graph.nodes) {
    const [first = '', second = '', third] = node.inputs;
    const output = node.outputs[0] as string;
    const use = (name: string): Use | undefined => (shadowed.has(name) ? undefined : planned.get(name));
    if (node.op === 'Gather' && use(first) === 'gather') {
      nodes.push(...gatherRows(first, second, output));
      tables.add(first);
    } else if (node.op === 'MatMul' && use(second) === 'matmul') {
      nodes.push(...multiply(first, second, output, quantized));
      result.matMuls++;
    } else if (node.op === 'Gemm' && use(second)?.startsWith('gemm')) {
      const product = third ? `${output}_product` : output;
      nodes.push(...multiply(first, second, product, quantized));
      if (third) nodes.push(makeNode('Add', [product, third], [output]));
      result.matMuls++;
    } else nodes.push(node);
  }
  result.tables += tables.size;
  return nodes;
}

/** Matrices that read the same activations share their quantization. */
function multiply(activations: string, weight: string, output: string, quantized: Set<string>): Node[] {
  const [values, scale, zero] = [`${activations}_uint8`, `${activations}_uint8_scale`, `${activations}_uint8_zero`];
  const nodes: Node[] = [];
  if (!quantized.has(activations)) {
    quantized.add(activations);
    nodes.push(makeNode('DynamicQuantizeLinear', [activations], [values, scale, zero]));
  }
  const [sums, floats, scaling] = [`${output}_int32`, `${output}_float`, `${output}_scaling`];
  nodes.push(
    makeNode('MatMulInteger', [values, integers(weight), zero], [sums]),
    makeNode('Cast', [sums], [floats], { to: FLOAT }),
    makeNode('Mul', [scale, scales(weight)], [scaling]),
    makeNode('Mul', [floats, scaling], [output]),
  );
  return nodes;
}

function gatherRows(table: string, indices: string, output: string): Node[] {
  const [rows, floats, scaling] = [`${output}_int8`, `${output}_float`, `${output}_scaling`];
  return [
    makeNode('Gather', [integers(table), indices], [rows], { axis: 0 }),
    makeNode('Cast', [rows], [floats], { to: FLOAT }),
    makeNode('Gather', [scales(table), indices], [scaling], { axis: 0 }),
    makeNode('Mul', [floats, scaling], [output]),
  ];
}

/** Exporters often leave "Transpose(weight)" before a MatMul: turned once here, it is a plain matrix. */
function foldTransposes(root: Graph): void {
  for (const { graph } of graphsOf(root)) {
    for (const node of [...graph.nodes]) {
      const tensor = node.op === 'Transpose' ? graph.weights.get(node.inputs[0] ?? '') : undefined;
      const output = node.outputs[0] as string;
      if (
        !tensor ||
        tensor.type !== FLOAT ||
        tensor.dims.length !== 2 ||
        externalOf(tensor) ||
        graph.outputs.includes(output)
      )
        continue;
      const [rows = 0, columns = 0] = tensor.dims;
      if (rows * columns < ELEMENTS_MIN || !turnsAround(node)) continue;
      const turned = transpose(floatsOf(tensor), rows, columns);
      graph.weights.set(output, makeTensor(output, FLOAT, [columns, rows], new Uint8Array(turned.buffer)));
      graph.nodes.splice(graph.nodes.indexOf(node), 1);
      if (!isRead(root, tensor.name)) removeWeight(graph, tensor.name);
    }
  }
}

/** Without perm, or with [1, 0]. */
function turnsAround(node: Node): boolean {
  const perm = node.attributes[0] && integersOf(node.attributes[0], 8);
  return perm === undefined || (perm[0] === 1 && perm[1] === 0);
}

function isRead(root: Graph, name: string): boolean {
  for (const { graph } of graphsOf(root)) {
    if (graph.outputs.includes(name) || graph.nodes.some((node) => node.inputs.includes(name))) return true;
  }
  return false;
}
