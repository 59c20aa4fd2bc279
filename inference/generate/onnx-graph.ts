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
export const ELEMENT = { float32: 1, int64: 7, bool: 9, float16: 10 } as const;
export type Element = keyof typeof ELEMENT;

/** Fields of GraphProto. */
const INITIALIZER = 5;
const INPUT = 11;
const OUTPUT = 12;
/** Operators of onnxruntime's own. */
export const MICROSOFT = 'com.microsoft';

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

/** A node; attributes are whole numbers or lists of them. */
export function makeNode(
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
  domain = '',
): OnnxNode {
  const rest: Field[] = Object.entries(attributes).map(([name, value]) => {
    const values =
      typeof value === 'number'
        ? [varint(3 << 3), varint(value), varint(20 << 3), varint(2)]
        : [...value.flatMap((each) => [varint(8 << 3), varint(each)]), varint(20 << 3), varint(7)];
    return field(5, [...delimited(1, [utf8.encode(name)]), ...values]);
  });
  if (domain) rest.push(field(7, [utf8.encode(domain)]));
  return { op, inputs, outputs, subgraphs: [], rest, holders: [] };
}

/** A whole number, or a list of them, among a node's attributes; undefined where it has none of that name. */
export function attributeOf(node: OnnxNode, name: string): number[] | undefined {
  for (const { number, body } of node.rest) {
    if (number !== 5) continue;
    const parts = split(body);
    if (!parts.some((part) => part.number === 1 && text.decode(part.body) === name)) continue;
    // Number 3 is one integer, 8 a list: packed, or one field each.
    return parts.flatMap(({ number: part, raw, body: packed }) => {
      if (part === 3) return [readVarint(raw, 1)];
      if (part !== 8) return [];
      if (packed.length === 0) return [readVarint(raw, 1)];
      const values: number[] = [];
      for (let at = 0; at < packed.length; ) {
        values.push(readVarint(packed, at));
        while ((packed[at++] as number) >= 128);
      }
      return values;
    });
  }
  return undefined;
}

export function addInput(graph: OnnxGraph, name: string, type: Element, shape: Shape): void {
  graph.rest.push(valueInfo(INPUT, name, type, shape));
  graph.inputs.push(name);
}

export function addOutput(graph: OnnxGraph, name: string, type: Element, shape: Shape): void {
  graph.rest.push(valueInfo(OUTPUT, name, type, shape));
}

/** int64 weights: a list, or one number without an axis. */
export function addWhole(graph: OnnxGraph, name: string, values: readonly number[] | number): void {
  const list = typeof values === 'number' ? [values] : values;
  const data = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
  graph.rest.push(
    field(INITIALIZER, [
      ...(typeof values === 'number' ? [] : [varint(1 << 3), varint(list.length)]),
      ...[varint(2 << 3), varint(ELEMENT.int64)],
      ...delimited(8, [utf8.encode(name)]),
      ...delimited(9, [data]),
    ]),
  );
  graph.initializers.add(name);
}

/** Names of the outputs, in order. */
export function outputsOf(graph: OnnxGraph): string[] {
  return graph.rest.filter(({ number }) => number === OUTPUT).map(({ body }) => nameOf(body, 1));
}

export function removeInput(graph: OnnxGraph, name: string): void {
  graph.rest = graph.rest.filter(({ number, body }) => number !== INPUT || nameOf(body, 1) !== name);
  graph.inputs = graph.inputs.filter((each) => each !== name);
}

export function removeOutput(graph: OnnxGraph, name: string): void {
  graph.rest = graph.rest.filter(({ number, body }) => number !== OUTPUT || nameOf(body, 1) !== name);
}

/** Makes the operators of a domain known to the model. */
export function useDomain(model: OnnxModel, domain: string): void {
  const known = model.rest.some(({ number, body }) => number === 8 && nameOf(body, 1) === domain);
  if (!known) model.rest.push(field(8, [...delimited(1, [utf8.encode(domain)]), varint(2 << 3), varint(1)]));
}

/** Takes out what no output needs: nodes, weights, inputs. Nodes stay in order. */
export function prune(graph: OnnxGraph): void {
  const wanted = new Set(outputsOf(graph));
  const kept: OnnxNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    kept.push(node);
    for (const name of namesRead(node)) wanted.add(name);
  }
  graph.nodes = kept.reverse();
  graph.rest = graph.rest.filter(({ number, body }) => {
    if (number === INITIALIZER) return wanted.has(nameOf(body, 8));
    return number !== INPUT || wanted.has(nameOf(body, 1));
  });
  graph.initializers = new Set([...graph.initializers].filter((name) => wanted.has(name)));
  graph.inputs = graph.inputs.filter((name) => wanted.has(name));
}

/** What a node reads, its subgraphs included. */
function namesRead(node: OnnxNode): string[] {
  const within = (graph: OnnxGraph): string[] => [...graph.nodes.flatMap(namesRead), ...outputsOf(graph)];
  return [...node.inputs, ...node.subgraphs.flatMap(within)];
}

/**
 * The graph of one branch of the model's only If on that input, as a model of its own: what surrounds it stays, and its outputs
 * have the names that the If gave them. undefined where there is no such If.
 */
export function branchOf({ graph, rest, external }: OnnxModel, input: string, taken: boolean): OnnxModel | undefined {
  const chosen = graph.nodes.find(({ op, inputs }) => op === 'If' && inputs[0] === input);
  const name = taken ? 'then_branch' : 'else_branch';
  const branch = chosen?.subgraphs.find((_each, index) =>
    (chosen.holders[index] as Field[]).some(({ number, body }) => number === 1 && text.decode(body) === name),
  );
  if (!chosen || !branch) return undefined;
  const made: OnnxGraph = {
    nodes: [...graph.nodes.filter((node) => node !== chosen), ...branch.nodes],
    initializers: new Set([...graph.initializers, ...branch.initializers]),
    inputs: [...graph.inputs],
    rest: [...graph.rest, ...branch.rest.filter(({ number }) => number === INITIALIZER)],
  };
  for (const [index, inner] of outputsOf(branch).entries()) {
    made.nodes.push(makeNode('Identity', [inner], [chosen.outputs[index] as string]));
  }
  return { graph: made, rest: [...rest], external };
}

/** Dimensions: numbers fixed, texts open. */
type Shape = readonly (number | string)[];

function valueInfo(number: number, name: string, type: Element, shape: Shape): Field {
  const axes = shape.flatMap((axis) =>
    delimited(1, typeof axis === 'number' ? [varint(1 << 3), varint(axis)] : delimited(2, [utf8.encode(axis)])),
  );
  const tensor = [varint(1 << 3), varint(ELEMENT[type]), ...delimited(2, axes)];
  return field(number, [...delimited(1, [utf8.encode(name)]), ...delimited(2, delimited(1, tensor))]);
}

function field(number: number, parts: readonly Uint8Array[]): Field {
  const body = join(parts);
  return { number, raw: join(delimited(number, [body])), body };
}

function nameOf(body: Uint8Array, number: number): string {
  const found = split(body).find((each) => each.number === number);
  return found ? text.decode(found.body) : '';
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

function readVarint(bytes: Uint8Array, start: number): number {
  let value = 0n;
  for (let at = start, shift = 0n; ; at++, shift += 7n) {
    const byte = bytes[at] as number;
    value += BigInt(byte & 127) << shift;
    if (byte < 128) return Number(BigInt.asIntN(64, value));
  }
}

function delimited(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [varint(number * 8 + 2), varint(length), ...parts];
}

/** A negative number is written as its 64-bit complement. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  if (value < 0) {
    for (let left = BigInt.asUintN(64, BigInt(value)); ; left >>= 7n) {
      if (left < 128n) return Uint8Array.from([...bytes, Number(left)]);
      bytes.push(Number(left & 127n) | 128);
    }
  }
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
