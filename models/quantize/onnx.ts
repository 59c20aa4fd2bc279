/**
 * The parts of an ONNX file that quantizing changes: graphs, their nodes and their weights. Field numbers are those of onnx.proto
 * (IR version 4 to 10). What is not named here stays in `rest`, untouched.
 */
import { MeshError } from '../../chassis/errors.js';
import {
  bytesField,
  bytesOf,
  type Field,
  integerOf,
  integersOf,
  numberField,
  readFields,
  textField,
  textOf,
  textsOf,
  writeFields,
} from './wire.js';

export const FLOAT = 1;
export const INT8 = 3;
export const INT64 = 7;

export interface Tensor {
  name: string;
  dims: number[];
  /** Element type, as above. */
  type: number;
  fields: Field[];
}

export interface Node {
  op: string;
  name: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Field[][];
  /** Graphs of If, Loop and Scan, by the index of their attribute. */
  graphs: Map<number, Graph>;
}

export interface Graph {
  nodes: Node[];
  weights: Map<string, Tensor>;
  inputs: string[];
  outputs: string[];
  /** Fields other than nodes and weights. */
  rest: Field[];
}

export interface Model {
  graph: Graph;
  opset: number;
  rest: Field[];
}

/** Reads a file's bytes. MODEL_UNSUPPORTED where it is no ONNX model. */
export function readModel(bytes: Uint8Array): Model {
  const fields = readFields(bytes);
  const graph = bytesOf(fields, 7);
  if (!graph) throw new MeshError('MODEL_UNSUPPORTED', 'the file is not an ONNX model: it has no graph');
  const opsets = fields
    .filter(({ number }) => number === 8)
    .map((field) => readFields(field.wire === 2 ? field.bytes : new Uint8Array()));
  const standard = opsets.find((opset) => ['', 'ai.onnx'].includes(textOf(opset, 1)));
  return {
    graph: readGraph(graph),
    opset: Number(standard ? (integerOf(standard, 2) ?? 1n) : 1n),
    rest: fields.filter(({ number }) => number !== 7),
  };
}

export function writeModel({ graph, rest }: Model): Uint8Array {
  return writeFields([...rest, bytesField(7, writeGraph(graph))]);
}

function readGraph(bytes: Uint8Array): Graph {
  const graph: Graph = { nodes: [], weights: new Map(), inputs: [], outputs: [], rest: [] };
  for (const field of readFields(bytes)) {
    if (field.wire === 2 && field.number === 1) graph.nodes.push(readNode(readFields(field.bytes)));
    else if (field.wire === 2 && field.number === 5) {
      const tensor = readTensor(field.bytes);
      graph.weights.set(tensor.name, tensor);
    } else {
      if (field.wire === 2 && field.number === 11) graph.inputs.push(textOf(readFields(field.bytes), 1));
      if (field.wire === 2 && field.number === 12) graph.outputs.push(textOf(readFields(field.bytes), 1));
      graph.rest.push(field);
    }
  }
  return graph;
}

function writeGraph(graph: Graph): Uint8Array {
  return writeFields([
    ...graph.nodes.map((node) => bytesField(1, writeNode(node))),
    ...[...graph.weights.values()].map((tensor) => bytesField(5, writeFields(tensor.fields))),
    ...graph.rest,
  ]);
}

/** Takes a weight out, also from the graph's inputs, where old files name it as well. */
export function removeWeight(graph: Graph, name: string): void {
  graph.weights.delete(name);
  if (!graph.inputs.includes(name)) return;
  graph.inputs = graph.inputs.filter((input) => input !== name);
  graph.rest = graph.rest.filter(
    (field) => field.number !== 11 || field.wire !== 2 || textOf(readFields(field.bytes), 1) !== name,
  );
}

function readNode(fields: Field[]): Node {
  const attributes = fields
    .filter(({ number }) => number === 5)
    .map((field) => readFields(field.wire === 2 ? field.bytes : new Uint8Array()));
  const graphs = new Map<number, Graph>();
  attributes.forEach((attribute, index) => {
    const body = bytesOf(attribute, 6);
    if (body) graphs.set(index, readGraph(body));
  });
  return {
    op: textOf(fields, 4),
    name: textOf(fields, 3),
    domain: textOf(fields, 7),
    inputs: textsOf(fields, 1),
    outputs: textsOf(fields, 2),
    attributes,
    graphs,
  };
}

function writeNode(node: Node): Uint8Array {
  return writeFields([
    ...node.inputs.map((input) => textField(1, input)),
    ...node.outputs.map((output) => textField(2, output)),
    ...(node.name ? [textField(3, node.name)] : []),
    textField(4, node.op),
    ...node.attributes.map((attribute, index) => {
      const graph = node.graphs.get(index);
      return bytesField(
        5,
        writeFields(
          graph ? attribute.map((field) => (field.number === 6 ? bytesField(6, writeGraph(graph)) : field)) : attribute,
        ),
      );
    }),
    ...(node.domain ? [textField(7, node.domain)] : []),
  ]);
}

export function makeNode(
  op: string,
  inputs: string[],
  outputs: string[],
  integers: Readonly<Record<string, number>> = {},
): Node {
  const attributes = Object.entries(integers).map(([name, value]) => [
    textField(1, name),
    numberField(3, value),
    numberField(20, 2),
  ]);
  return { op, name: `${outputs[0]}_${op}`, domain: '', inputs, outputs, attributes, graphs: new Map() };
}

/** An integer attribute. */
export function attribute(node: Node, name: string): number | undefined {
  const found = node.attributes.find((each) => textOf(each, 1) === name);
  const value = found && integerOf(found, 3);
  return value === undefined ? undefined : Number(value);
}

/** A float attribute. */
export function floatAttribute(node: Node, name: string): number | undefined {
  const found = node.attributes.find((each) => textOf(each, 1) === name);
  const bytes = found && bytesOf(found, 2);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
}

function readTensor(bytes: Uint8Array): Tensor {
  const fields = readFields(bytes);
  return { name: textOf(fields, 8), dims: integersOf(fields, 1), type: Number(integerOf(fields, 2) ?? 0n), fields };
}

/** A tensor with its values in little-endian order. */
export function makeTensor(name: string, type: number, dims: readonly number[], values: Uint8Array): Tensor {
  const fields = [
    ...dims.map((dim) => numberField(1, dim)),
    numberField(2, type),
    textField(8, name),
    bytesField(9, values),
  ];
  return { name, dims: [...dims], type, fields };
}

/** Where a tensor's values lie in another file; undefined where they are in this one. */
export function externalOf(
  tensor: Tensor,
): { location: string; offset: number; length: number | undefined } | undefined {
  if (integerOf(tensor.fields, 14) !== 1n) return undefined;
  const entries = new Map(
    tensor.fields
      .filter(({ number }) => number === 13)
      .map((field) => readFields(field.wire === 2 ? field.bytes : new Uint8Array()))
      .map((entry) => [textOf(entry, 1), textOf(entry, 2)]),
  );
  const length = entries.get('length');
  return {
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}

/** The values of a float tensor that lies in this file. */
export function floatsOf(tensor: Tensor): Float32Array {
  const raw = bytesOf(tensor.fields, 9) ?? packedFloats(tensor);
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  if (raw.length !== count * 4) {
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `the weight ${tensor.name} has ${raw.length} bytes, its shape ${tensor.dims.join(' x ')} needs ${count * 4}`,
    );
  }
  // A view needs an address divisible by 4, which a field of a file rarely has.
  return new Float32Array(new Uint8Array(raw).buffer);
}

/** float_data, packed or one by one. */
function packedFloats(tensor: Tensor): Uint8Array {
  const parts = tensor.fields.flatMap((field) => (field.number === 4 && field.wire !== 0 ? [field.bytes] : []));
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** Every graph of a model, outermost first, each with the graphs around it. */
export function* graphsOf(
  graph: Graph,
  around: readonly Graph[] = [],
): Generator<{ graph: Graph; scopes: readonly Graph[] }> {
  const scopes = [graph, ...around];
  yield { graph, scopes };
  for (const node of graph.nodes) for (const inner of node.graphs.values()) yield* graphsOf(inner, scopes);
}
