/** Reading a graph with its external data, and writing the integer one. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import { isSafePath } from '../path.js';
import { type DynamicOptions, type DynamicResult, quantizeDynamic } from './dynamic.js';
import { externalOf, graphsOf, type Model, makeTensor, readModel, writeModel } from './onnx.js';

/** What one protocol buffer can hold. */
const MODEL_BYTES_MAX = 2 ** 31 - 1;

/** The bytes of the integer graph made of `path` in `folder`. */
export async function quantizeFile(
  folder: string,
  path: string,
  options: DynamicOptions,
): Promise<{ bytes: Uint8Array; result: DynamicResult }> {
  const file = join(folder, ...path.split('/'));
  const { size } = await stat(file);
  if (size > MODEL_BYTES_MAX) throw tooLarge(path, size);
  const model = readModel(await readFile(file));
  await inlineExternal(model, folder, path);
  const result = quantizeDynamic(model, options);
  const bytes = writeModel(model);
  if (bytes.length > MODEL_BYTES_MAX) throw tooLarge(path, bytes.length);
  return { bytes, result };
}

/** Brings weights of other files in, so that the result is one file. A location that leads out of the folder is refused. */
async function inlineExternal(model: Model, folder: string, path: string): Promise<void> {
  const files = new Map<string, Buffer>();
  for (const { graph } of graphsOf(model.graph)) {
    for (const tensor of [...graph.weights.values()]) {
      const external = externalOf(tensor);
      if (!external) continue;
      const { location, offset, length } = external;
      if (!isSafePath(location))
        throw new MeshError(
          'PULL_REFUSED',
          `${path}: the weight ${tensor.name} lies at ${JSON.stringify(location)}, which is no plain path`,
        );
      const data = files.get(location) ?? (await readFile(join(folder, dirname(path), location)));
      files.set(location, data);
      const end = length === undefined ? data.length : offset + length;
      if (!(offset >= 0 && end <= data.length))
        throw new MeshError('MODEL_UNSUPPORTED', `${path}: the weight ${tensor.name} reaches beyond ${location}`);
      graph.weights.set(tensor.name, makeTensor(tensor.name, tensor.type, tensor.dims, data.subarray(offset, end)));
    }
  }
}

function tooLarge(path: string, bytes: number): MeshError {
  return new MeshError('MODEL_UNSUPPORTED', `${path} has ${bytes} bytes; ONNX files end at ${MODEL_BYTES_MAX}`);
}
