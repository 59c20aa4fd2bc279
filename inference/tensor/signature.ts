/**
 * What a graph takes and gives, and whether a call fits it: names, types, shapes. Every mismatch names the field, what the model
 * wants and what to do; what passes here is what onnxruntime accepts, as far as shapes can tell.
 */
import { type ErrorCode, fieldError } from '../../chassis/errors.js';
import { ELEMENT_BYTES, type ElementType } from './element.js';

/** An input or output as the graph declares it. */
export interface TensorInfo {
  name: string;
  type: ElementType;
  /** A number, the name of a symbolic dimension, or "" for one that is neither. Empty: a scalar, or a shape the graph leaves open. */
  shape: (number | string)[];
}

export interface Signature {
  inputs: TensorInfo[];
  outputs: TensorInfo[];
}

/** A tensor of a call. */
export interface Tensor {
  name: string;
  type: ElementType;
  dims: readonly number[];
  /** Little-endian, row-major; strings one by one. */
  data: Uint8Array | readonly string[];
}

/** How errors name the parts of a call: `tensor(1)` is "inputs[1]", its type stands in `.${type}`, its elements in `data(1)`. */
export interface Fields {
  inputs: string;
  tensor(index: number): string;
  type: string;
  data(index: number): string;
  outputs: string;
}

export const RANK_MAX = 16;

/** Elements a shape has. */
export function elementsOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function byteLengthOf({ data }: Pick<Tensor, 'data'>): number {
  if (data instanceof Uint8Array) return data.byteLength;
  return data.reduce((sum, text) => sum + text.length, 0);
}

/** Throws FIELD_INVALID or FIELD_REQUIRED at the first thing that does not fit. `batched`: the first axis counts rows of all inputs. */
export function checkInputs(
  signature: Signature,
  tensors: readonly Tensor[],
  options: { name: string; batched: boolean; elementsMax: number; bytesMax: number; fields: Fields },
): void {
  const { name, batched, elementsMax, bytesMax, fields } = options;
  const bound = new Map<string, { size: number; by: string }>();
  const seen = new Set<string>();
  let rows: number | undefined;
  let bytes = 0;
  tensors.forEach((tensor, index) => {
    const field = fields.tensor(index);
    const info = signature.inputs.find((each) => each.name === tensor.name);
    if (!info) {
      const have = signature.inputs.map(describe).join(', ') || 'none';
      throw refuse(`${field}.name`, `${name} has no input ${quoted(tensor.name)}; it has ${have}`);
    }
    if (seen.has(tensor.name))
      throw refuse(`${field}.name`, `${quoted(tensor.name)} is given twice; send each input once`);
    seen.add(tensor.name);
    if (tensor.type !== info.type) {
      throw refuse(
        `${field}.${fields.type}`,
        `${name} takes ${describe(info)}, not ${tensor.type}; convert the elements`,
      );
    }
    checkDims(field, info, tensor.dims, name, bound);
    if (elementsOf(tensor.dims) > elementsMax) {
      const text = `has ${elementsOf(tensor.dims)} elements; at most ${elementsMax} are taken (PLEXUS_INFER_ELEMENTS): send fewer rows`;
      throw refuse(`${field}.shape`, text, 'TOO_MANY_ITEMS');
    }
    checkData(fields.data(index), tensor);
    bytes += byteLengthOf(tensor);
    if (bytes > bytesMax) {
      const text = `brings the call to ${bytes} bytes; at most ${bytesMax} are taken (PLEXUS_INFER_INPUT_BYTES): send fewer rows`;
      throw refuse(fields.data(index), text, 'MESSAGE_TOO_LARGE');
    }
    if (batched) {
      const own = tensor.dims[0] as number;
      rows ??= own;
      if (own !== rows) {
        throw refuse(
          `${field}.shape`,
          `the first dimension counts rows and must be ${rows} as in ${fields.tensor(0)}, is ${own}`,
        );
      }
    }
  });
  const missing = signature.inputs.filter((input) => !seen.has(input.name));
  if (missing.length > 0) {
    throw refuse(fields.inputs, `${name} also needs ${missing.map(describe).join(', ')}; add it`, 'FIELD_REQUIRED');
  }
}

/** The outputs that are wanted, by name; none named: all. */
export function checkOutputs(
  signature: Signature,
  wanted: readonly string[],
  { name, fields }: { name: string; fields: Fields },
): string[] {
  const have = signature.outputs.map((output) => output.name);
  wanted.forEach((output, index) => {
    const field = `${fields.outputs}[${index}]`;
    if (!have.includes(output))
      throw refuse(field, `${name} has no output ${quoted(output)}; it has ${have.join(', ')}`);
    if (wanted.indexOf(output) !== index) throw refuse(field, `${quoted(output)} is asked for twice; ask once`);
  });
  return wanted.length > 0 ? [...wanted] : have;
}

/** "input_ids int64 [batch, 128]", as a person would say it. */
export function describe({ name, type, shape }: TensorInfo): string {
  return `${name} ${type} ${shapeText(shape)}`;
}

export function shapeText(shape: readonly (number | string)[]): string {
  return `[${shape.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]`;
}

function checkDims(
  field: string,
  info: TensorInfo,
  dims: readonly number[],
  name: string,
  bound: Map<string, { size: number; by: string }>,
): void {
  const at = `${field}.shape`;
  if (dims.length > RANK_MAX) throw refuse(at, `has ${dims.length} dimensions; at most ${RANK_MAX} are taken`);
  for (const dim of dims) {
    if (!Number.isInteger(dim) || dim < 0 || dim > 2 ** 31 - 1) {
      throw refuse(at, `must be whole numbers from 0 to 2147483647, has ${dim}; give the real size of every dimension`);
    }
  }
  if (info.shape.length === 0) return; // a scalar or an open shape: onnxruntime does not tell them apart before it runs
  if (dims.length !== info.shape.length) {
    throw refuse(
      at,
      `${name} takes ${describe(info)}, ${info.shape.length} dimensions, not ${shapeText(dims)}; reshape it`,
    );
  }
  info.shape.forEach((want, axis) => {
    const size = dims[axis] as number;
    if (typeof want === 'number') {
      if (size === want) return;
      throw refuse(
        at,
        `${name} takes ${describe(info)}: dimension ${axis} must be ${want}, is ${size}; pad, cut or reshape it`,
      );
    }
    if (want === '') return;
    const before = bound.get(want);
    if (before && before.size !== size) {
      throw refuse(
        at,
        `dimension ${axis} is ${quoted(want)}, which is ${before.size} in ${before.by}; here it is ${size}`,
      );
    }
    bound.set(want, { size, by: at });
  });
}

function checkData(field: string, { type, dims, data }: Tensor): void {
  const elements = elementsOf(dims);
  if (!(data instanceof Uint8Array)) {
    if (data.length !== elements) {
      throw refuse(field, `the shape ${shapeText(dims)} has ${elements} elements, given are ${data.length}`);
    }
    const cut = data.findIndex((text) => text.includes('\0'));
    if (cut >= 0)
      throw refuse(`${field}[${cut}]`, 'has a NUL character, where onnxruntime would end the string; remove it');
    return;
  }
  const bytes = elements * ELEMENT_BYTES[type];
  if (data.byteLength !== bytes) {
    throw refuse(
      field,
      `the shape ${shapeText(dims)} of ${type} takes ${bytes} bytes, given are ${data.byteLength}; send all elements, little-endian, in row-major order`,
    );
  }
}

function refuse(field: string, text: string, code: ErrorCode = 'FIELD_INVALID'): Error {
  return fieldError(code, field, text);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
