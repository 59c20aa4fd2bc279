/** Which .onnx file of a model folder runs: the one of its precision, under the names that Hugging Face exports use. */
import { join } from 'node:path';
import { MeshError } from '../chassis/errors.js';
import type { Manifest, StoredModel } from '../models/index.js';

const NAMES: Record<Manifest['precision'], readonly string[]> = {
  int8: ['model_quantized.onnx', 'model_int8.onnx', 'model_uint8.onnx'],
  fp32: ['model.onnx'],
  fp16: ['model_fp16.onnx'],
  q4: ['model_q4.onnx', 'model_q4f16.onnx', 'model_bnb4.onnx'],
  none: [],
};

/** Absolute path of the file to run, and its size. MODEL_UNSUPPORTED lists the files there are. */
export function chooseWeights({ manifest, folder }: StoredModel): { file: string; bytes: number } {
  const graphs = manifest.files.filter(({ path }) => path.endsWith('.onnx'));
  const named = NAMES[manifest.precision].flatMap((name) => [`onnx/${name}`, name]);
  const [only] = graphs.length === 1 ? graphs : [];
  const found = named.map((path) => graphs.find((file) => file.path === path)).find((file) => file) ?? only;
  if (!found) {
    const have = graphs.map(({ path }) => path).join(', ') || 'no .onnx file at all';
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${manifest.name}@${manifest.version} cannot be run: for precision ${manifest.precision} it needs ${named[0] ?? 'an .onnx file'}; it has ${have}`,
    );
  }
  // External data (model.onnx_data) is opened by onnxruntime from beside the graph.
  const bytes = manifest.files
    .filter(({ path }) => path === found.path || path.startsWith(`${found.path}_data`))
    .reduce((sum, file) => sum + file.bytes, 0);
  return { file: join(folder, ...found.path.split('/')), bytes };
}
