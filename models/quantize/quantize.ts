/**
 * An fp32 model becomes a new version in int8, installed beside it in the cache with a manifest and digest of its own. How much
 * smaller and faster it is, and how far its outputs drift, is measured by whoever may run models and given in (`measure`).
 */
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import { openStage, requireSpace } from '../fetch/stage.js';
import { describeFiles, digestOf } from '../folder.js';
import type { Derived, Manifest } from '../manifest.js';
import { createRepository, type StoredModel } from '../repository.js';
import { classifyWeightFile, type Part, weightFile, weightFiles } from '../weights.js';
import type { DynamicOptions, DynamicResult } from './dynamic.js';
import { quantizeFile } from './files.js';

/** Speed of both and drift between them, on a sample. */
export type Measured = Required<Pick<Derived, 'textsPerSecondBefore' | 'textsPerSecondAfter' | 'drift'>>;
export type Measure = (before: StoredModel, after: StoredModel) => Promise<Measured | undefined>;

export interface QuantizeOptions extends DynamicOptions {
  cache: string;
  /** Default "<version>-int8". */
  version?: string | undefined;
  /** Default: nothing is measured. */
  measure?: Measure;
  onPart?(part: Part, result: DynamicResult): void;
}

/** Resolves with the new version. MODEL_UNSUPPORTED where there are no fp32 graphs or they cannot be quantized. */
export async function quantizeModel(model: StoredModel, options: QuantizeOptions): Promise<StoredModel> {
  const { manifest, folder } = model;
  const { cache } = options;
  const id = `${manifest.name}@${manifest.version}`;
  const graphs = weightFiles(
    manifest.files.map(({ path }) => path),
    'fp32',
  );
  if (graphs.size === 0)
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${id} is ${manifest.precision} and has no fp32 graph: quantize the fp32 version (pull --precision fp32)`,
    );
  const version = options.version ?? `${manifest.version}-int8`;
  await createRepository({ folders: [] }).verify(model);
  await requireFree(cache, manifest.name, version);
  const stage = await openStage(cache, `quantize--${manifest.name}--${version}`);
  try {
    await rm(stage.files, { recursive: true, force: true });
    const others = manifest.files
      .map(({ path }) => path)
      .filter((path) => !/\.onnx(?:_data(?:_\d+)?|\.data)?$/.test(path));
    await requireSpace(
      cache,
      manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    for (const path of others) await place(stage.files, path, (to) => copyFile(join(folder, path), to));
    const made: string[] = [];
    for (const [part, path] of graphs) {
      const { bytes, result } = await quantizeFile(folder, path, options);
      const target = `onnx/${part}_quantized.onnx`;
      await place(stage.files, target, (to) => writeFile(to, bytes));
      made.push(target);
      options.onPart?.(part, result);
    }
    const files = await describeFiles(stage.files, [...others, ...made].sort());
    const written = derive(model, version, files, options);
    const measured = await options.measure?.(asFp32(model), {
      manifest: written,
      folder: stage.files,
      inferred: false,
    });
    const final: Manifest = measured
      ? { ...written, derived: { ...(written.derived as Derived), ...measured } }
      : written;
    if (!(await stage.install(final))) throw taken(manifest.name, version);
    return { manifest: final, folder: join(cache, 'models', manifest.name, version), inferred: false };
  } finally {
    await stage.release();
  }
}

/** True where there is something to quantize. */
export function hasFp32({ files }: Pick<Manifest, 'files'>): boolean {
  return (
    weightFiles(
      files.map(({ path }) => path),
      'fp32',
    ).size > 0
  );
}

/** The manifest of the new version. What was measured on the old weights does not speak of the new ones. */
function derive(
  { manifest }: StoredModel,
  version: string,
  files: Manifest['files'],
  { fullRange }: DynamicOptions,
): Manifest {
  const { quality: _, derived: __, ...kept } = manifest;
  const weights = (all: Manifest['files'], ofFp32: boolean): number =>
    all
      .filter(({ path }) => /\.onnx/.test(path) && (!ofFp32 || isFp32(path)))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    ...kept,
    version,
    precision: 'int8',
    files,
    digest: digestOf(files),
    created: new Date().toISOString(),
    derived: {
      from: `${manifest.name}@${manifest.version}`,
      digest: manifest.digest,
      how: `dynamic int8 of MatMul, Gemm and Gather weights, one scale a channel, ${fullRange ? 'full' : 'reduced'} range`,
      bytesBefore: weights(manifest.files, true),
      bytesAfter: weights(files, false),
    },
  };
}

const isFp32 = (path: string): boolean => {
  const graph = path.replace(/(?:_data(?:_\d+)?|\.data)$/, '');
  return classifyWeightFile(graph)?.precision === 'fp32';
};

/** The same folder, its fp32 weights chosen: an inferred manifest may prefer an int8 file beside them. */
function asFp32(model: StoredModel): StoredModel {
  const manifest: Manifest = { ...model.manifest, precision: 'fp32' };
  return weightFile(manifest, 'model') === undefined ? model : { ...model, manifest };
}

async function place(root: string, path: string, write: (to: string) => Promise<void>): Promise<void> {
  const to = join(root, ...path.split('/'));
  await mkdir(dirname(to), { recursive: true });
  await write(to);
}

async function requireFree(cache: string, name: string, version: string): Promise<void> {
  const found = await stat(join(cache, 'models', name, version)).catch(() => undefined);
  if (found) throw taken(name, version);
}

function taken(name: string, version: string): MeshError {
  return new MeshError(
    'MODEL_CHANGED',
    `${name}@${version} exists; versions are immutable: give another with --as, or remove it first`,
    { facts: { model: name, version } },
  );
}
