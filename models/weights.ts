/**
 * Which ONNX file of a folder holds which weights, by the names that exporters use: "onnx/model.onnx",
 * "onnx/model_quantized.onnx", "onnx/decoder_with_past_model_fp16.onnx". One table serves inference, pull and quantize.
 */
import { MeshError } from '../chassis/errors.js';
import type { Manifest } from './manifest.js';

export type Precision = Manifest['precision'];

/** The graph a file holds. "model" is the only one of encoders; generation has an encoder and decoders, or one merged decoder. */
export type Part = 'model' | 'encoder_model' | 'decoder_model' | 'decoder_with_past_model' | 'decoder_model_merged';

const PARTS: readonly Part[] = [
  'encoder_model',
  'decoder_model_merged',
  'decoder_with_past_model',
  'decoder_model',
  'model',
];

/** Suffixes of each precision, the usual one first. "uint8" and the CPU-specific "qint8_*" files are int8 models as well. */
const SUFFIXES: Record<Exclude<Precision, 'none'>, readonly string[]> = {
  int8: ['quantized', 'int8', 'uint8', 'qint8_avx512_vnni', 'qint8_avx512', 'quint8_avx2', 'qint8_arm64', 'O4_int8'],
  fp16: ['fp16', 'float16', 'O4'],
  q4: ['q4', 'q4f16', 'bnb4', 'int4'],
  fp32: ['', 'fp32', 'O1', 'O2', 'O3'],
};

/** Precisions in the order a CPU prefers them: int8 is 1.7 to 2.7 times as fast as fp32 here, fp16 and q4 are slower than both. */
export const PRECISIONS: readonly Exclude<Precision, 'none'>[] = ['int8', 'fp32', 'fp16', 'q4'];

export interface WeightFile {
  path: string;
  part: Part;
  precision: Exclude<Precision, 'none'>;
  /** Place among the names of this precision; 0 is the usual one. */
  rank: number;
}

/** What an .onnx file is by its name; undefined where the name says nothing known. */
export function classifyWeightFile(path: string): WeightFile | undefined {
  const name = /(?:^|\/)([^/]+)\.onnx$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  for (const part of PARTS) {
    if (name !== part && !name.startsWith(`${part}_`)) continue;
    const suffix = name.slice(part.length + 1);
    for (const precision of PRECISIONS) {
      const rank = SUFFIXES[precision].indexOf(suffix);
      if (rank >= 0) return { path, part, precision, rank };
    }
  }
  return undefined;
}

/** All weights of one precision: for each part the file with the most usual name, those under "onnx/" before others. */
export function weightFiles(paths: readonly string[], precision: Precision): Map<Part, string> {
  const chosen = new Map<Part, WeightFile>();
  for (const path of paths) {
    const file = classifyWeightFile(path);
    if (file?.precision !== precision) continue;
    const rival = chosen.get(file.part);
    if (!rival || cost(file) < cost(rival)) chosen.set(file.part, file);
  }
  return new Map([...chosen].map(([part, file]) => [part, file.path]));
}

const cost = ({ path, rank }: WeightFile): number => rank * 2 + (path.startsWith('onnx/') ? 0 : 1);

/** The one graph of a folder that has no other, whatever it is called. */
export function onlyGraph(paths: readonly string[]): string | undefined {
  const graphs = paths.filter((path) => path.endsWith('.onnx'));
  return graphs.length === 1 ? graphs[0] : undefined;
}

/** The precisions for which a complete set of graphs lies in the folder, in the order a CPU prefers them. */
export function precisionsOf(paths: readonly string[]): Exclude<Precision, 'none'>[] {
  return PRECISIONS.filter((precision) => isComplete(weightFiles(paths, precision)));
}

function isComplete(parts: Map<Part, string>): boolean {
  if (parts.has('model')) return true;
  return parts.has('encoder_model')
    ? parts.has('decoder_model') || parts.has('decoder_model_merged')
    : parts.has('decoder_model_merged');
}

/**
 * The file of a part, relative to the model's folder; undefined where the model has no such part. A model whose only file of
 * that part has another precision in its name is taken as it is, and so is the only graph there is: models of one file need not
 * follow the naming.
 */
export function weightFile(manifest: Pick<Manifest, 'files' | 'precision'>, part: Part): string | undefined {
  const paths = manifest.files.map((file) => file.path);
  const exact = weightFiles(paths, manifest.precision).get(part);
  if (exact !== undefined) return exact;
  const others = paths.filter((path) => classifyWeightFile(path)?.part === part);
  if (others.length === 1) return others[0];
  return part === 'model' ? onlyGraph(paths) : undefined;
}

/** As weightFile, but MODEL_UNSUPPORTED names what is missing. */
export function requireWeightFile(manifest: Manifest, part: Part): string {
  const path = weightFile(manifest, part);
  if (path !== undefined) return path;
  throw new MeshError(
    'MODEL_UNSUPPORTED',
    `${manifest.name}@${manifest.version} has no ${part} in ${manifest.precision}: expected onnx/${part}.onnx or a usual name of it`,
    { facts: { model: manifest.name, version: manifest.version } },
  );
}
