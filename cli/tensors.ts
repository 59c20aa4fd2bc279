/** Tensors from JSON as people write it: `{"x": [[1, 2], [3, 4]]}` is one input of shape [2, 2]; its type is the model's. */
import { MeshError } from '../chassis/errors.js';

export interface TensorInput {
  name: string;
  shape: number[];
  values?: number[];
  strings?: string[];
}

/** USAGE where it is no object of numbers, booleans or texts in nested lists of equal lengths. */
export function readTensors(text: string): TensorInput[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw usage(`is not JSON: ${(error as Error).message}`);
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) throw usage('is not an object');
  return Object.entries(json).map(([name, nested]) => readTensor(name, nested));
}

function readTensor(name: string, nested: unknown): TensorInput {
  const shape: number[] = [];
  for (let level = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const elements: unknown[] = [];
  const walk = (level: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (Array.isArray(level)) throw usage(`${name}: its lists are not all of the same depth`);
      elements.push(level);
      return;
    }
    if (!Array.isArray(level) || level.length !== shape[depth]) {
      throw usage(`${name}: its lists are not all of the same length`);
    }
    for (const each of level) walk(each, depth + 1);
  };
  walk(nested, 0);
  if (elements.length > 0 && elements.every((each) => typeof each === 'string')) {
    return { name, shape, strings: elements as string[] };
  }
  const bad = elements.find((each) => typeof each !== 'number' && typeof each !== 'boolean');
  if (bad !== undefined)
    throw usage(`${name}: ${JSON.stringify(bad)?.slice(0, 40)} is neither a number nor a boolean, nor are all texts`);
  return { name, shape, values: elements.map(Number) };
}

function usage(what: string): MeshError {
  return new MeshError('USAGE', `infer takes its inputs as JSON, {"name": [[1, 2], [3, 4]]}; this ${what}`);
}
