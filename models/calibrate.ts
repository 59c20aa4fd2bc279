/** A classifier with a calibration becomes a new version beside the old one: versions never change. */
import { copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshError } from '../chassis/errors.js';
import { openStage, requireSpace } from './fetch/stage.js';
import type { Calibration, Manifest } from './manifest.js';
import { createRepository, type StoredModel } from './repository.js';

export interface CalibratedOptions {
  cache: string;
  version: string;
}

/** Copies the model's files and writes a manifest that has the calibration. MODEL_CHANGED where the version exists. */
export async function installCalibrated(
  model: StoredModel,
  calibration: Calibration,
  { cache, version }: CalibratedOptions,
): Promise<StoredModel> {
  const { manifest, folder } = model;
  const taken = (): MeshError =>
    new MeshError(
      'MODEL_CHANGED',
      `${manifest.name}@${version} exists; versions are immutable: give another with --as, or remove it first`,
      { facts: { model: manifest.name, version } },
    );
  const target = join(cache, 'models', manifest.name, version);
  if (version === manifest.version || (await stat(target).catch(() => undefined))) throw taken();
  await createRepository({ folders: [] }).verify(model);
  const stage = await openStage(cache, `calibrate--${manifest.name}--${version}`);
  try {
    await rm(stage.files, { recursive: true, force: true });
    await requireSpace(
      cache,
      manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    for (const { path } of manifest.files) {
      const to = join(stage.files, ...path.split('/'));
      await mkdir(dirname(to), { recursive: true });
      await copyFile(join(folder, path), to);
    }
    const final: Manifest = {
      ...manifest,
      version,
      created: new Date().toISOString(),
      classify: { ...(manifest.classify as NonNullable<Manifest['classify']>), calibration },
    };
    if (!(await stage.install(final))) throw taken();
    return { manifest: final, folder: target, inferred: false };
  } finally {
    await stage.release();
  }
}
