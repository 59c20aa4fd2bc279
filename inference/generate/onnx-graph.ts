/**
 * The little of the ONNX file format that editing a graph needs: nodes, their inputs, outputs and subgraphs. Everything else,
 * weights above all, is passed through as the bytes it came in.
 */

/** A protobuf field as it stands in the file. */
interface Field {
  number: number;
  /** Tag and length included. */
  raw: Uint8Array;
  /** Content of a length-delimited field; empty for others. */
  body: Uint8Array;
}

export interface OnnxNode {
  op: string;
  inputs: string[];
  outputs: string[];
  /** Graphs in its attributes (If, Loop). */
  subgraphs: OnnxGraph[];
  /** The other fields, and attributes, as they came. */
  rest: Field[];
  /** Attributes that hold `subgraphs`, in the same order: name and the fields beside the graph. */
  holders: Field[][];
}

export interface OnnxGraph {
  nodes: OnnxNode[];
  /** Names of the weights. */
  initializers: Set<string>;
  inputs: string[];
  /** Fields other than nodes, as they came. */
  rest: Field[];
}

export interface OnnxModel {
  graph: OnnxGraph;
  rest: Field[];
  /** True where weights lie in other files. */
  external: boolean;
}

const text = new TextDecoder();
const utf8 = new TextEncoder();

/** ONNX's numbers of element types. */
export const ELEMENT = { float32: 1, int64: 7, float16: 10 } as const;

export function readModel(bytes: Uint8Array): OnnxModel {
  const fields = split(bytes);
  const graph = fields.find(({ number }) => number === 7);
  if (!graph) throw new Error('no graph');
  const external = { found: false };
  return {
    graph: readGraph(graph.body, external),
    rest: fields.filter((field) => field !== graph),
    get external() {
      return external.found;
    },
  };
}

export function writeModel({ graph, rest }: OnnxModel): Uint8Array {
  return join([...rest.map(({ raw }) => raw), ...delimited(7, writeGraph(graph))]);
}

export function makeNode(op: string, inputs: string[], outputs: string[]): OnnxNode {
  return { op, inputs, outputs, subgraphs: [], rest: [], holders: [] };
}

/** Adds an input: a tensor with these dimensions, numbers fixed and texts open. */
export function addInput(
  graph: OnnxGraph,
  name: string,
  type: keyof typeof ELEMENT,
  shape: readonly (number | string)[],
): void {
  const axes = shape.flatMap((axis) =>
    delimited(1, typeof axis === 'number' ? [varint(1 << 3), varint(axis)] : delimited(2, [utf8.encode(axis)])),
  );
  const tensor = [varint(1 << 3), varint(ELEMENT[type]), ...delimited(2, axes)];
  const raw = join(delimited(11, [...delimited(1, [utf8.encode(name)]), ...delimited(2, delimited(1, tensor))]));
  graph.rest.push({ number: 11, raw, body: raw.subarray(0, 0) });
  graph.inputs.push(name);
}

function readGraph(bytes: Uint8Array, external: { found: boolean }): OnnxGraph {
  const graph: OnnxGraph = { nodes: [], initializers: new Set(), inputs: [], rest: [] };
  for (const field of split(bytes)) {
    if (field.number === 1) graph.nodes.push(readNode(field.body, external));
    else graph.rest.push(field);
    if (field.number === 5) {
      const tensor = split(field.body);
      const name = tensor.find(({ number }) => number === 8);
      if (name) graph.initializers.add(text.decode(name.body));
      if (tensor.some(({ number }) => number === 13)) external.found = true;
    } else if (field.number === 11) {
      const name = split(field.body).find(({ number }) => number === 1);
      if (name) graph.inputs.push(text.decode(name.body));
    }
  }
  return graph;
}

function readNode(bytes: Uint8Array, external: { found: boolean }): OnnxNode {
  const node: OnnxNode = { op: '', inputs: [], outputs: [], subgraphs: [], rest: [], holders: [] };
  for (const field of split(bytes)) {
    if (field.number === 1) node.inputs.push(text.decode(field.body));
    else if (field.number === 2) node.outputs.push(text.decode(field.body));
    else if (field.number === 5) {
      const attribute = split(field.body);
      const graph = attribute.find(({ number }) => number === 6);
      if (graph) {
        node.subgraphs.push(readGraph(graph.body, external));
        node.holders.push(attribute.filter((each) => each !== graph));
      } else node.rest.push(field);
    } else {
      if (field.number === 4) node.op = text.decode(field.body);
      node.rest.push(field);
    }
  }
  return node;
}

function writeGraph({ nodes, rest }: OnnxGraph): Uint8Array[] {
  return [...nodes.flatMap((node) => delimited(1, writeNode(node))), ...rest.map(({ raw }) => raw)];
}

function writeNode(node: OnnxNode): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const input of node.inputs) parts.push(...delimited(1, [utf8.encode(input)]));
  for (const output of node.outputs) parts.push(...delimited(2, [utf8.encode(output)]));
  if (!node.rest.some(({ number }) => number === 4)) parts.push(...delimited(4, [utf8.encode(node.op)]));
  parts.push(...node.rest.map(({ raw }) => raw));
  for (const [index, graph] of node.subgraphs.entries()) {
    const holder = (node.holders[index] as Field[]).map(({ raw }) => raw);
    parts.push(...delimited(5, [...holder, ...delimited(6, writeGraph(graph))]));
  }
  return parts;
}

function split(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the file ends in the middle of a field');
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = number();
    let body = bytes.subarray(at, at);
    const wire = tag & 7;
    if (wire === 0) number();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = number();
      body = bytes.subarray(at, at + length);
      at += length;
    } else throw new Error(`wire type ${wire}`);
    if (at > bytes.length) throw new Error('the file ends in the middle of a field');
    fields.push({ number: Math.floor(tag / 8), raw: bytes.subarray(start, at), body });
  }
  return fields;
}

function delimited(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [varint(number * 8 + 2), varint(length), ...parts];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) | 128);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
  return Uint8Array.from(bytes);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
