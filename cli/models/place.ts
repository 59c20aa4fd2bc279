/** The repository and the cache as this command line's environment has them. */

import { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import {
  cacheFolder,
  createRepository,
  type FolderRepository,
  modelFolders,
  modelSettings,
  type Precision,
  pullSettings,
  type StoredModel,
} from '../../models/index.js';
import { packageRoot } from '../../protos/index.js';
import type { Io } from '../io.js';

export function openRepository(io: Io): FolderRepository {
  return createRepository({ folders: modelFolders(readSettings(modelSettings, io.env), packageRoot, io.env) });
}

export function openCache(io: Io): string {
  return cacheFolder(readSettings(modelSettings, io.env), io.env);
}

/** Settings of a pull, with what the flags say. */
export function readPullSettings(io: Io, flags: { maxBytes?: string } = {}) {
  const env = flags.maxBytes === undefined ? io.env : { ...io.env, PLEXUS_PULL_BYTES_MAX: flags.maxBytes };
  return { ...readSettings(pullSettings, env), ...readSettings(modelSettings, env) };
}

const PRECISIONS = ['int8', 'fp16', 'fp32', 'q4'] as const;

export function readPrecision(text: string | undefined): Precision | undefined {
  if (text === undefined) return undefined;
  const found = PRECISIONS.find((each) => each === text);
  if (found) return found;
  throw new MeshError('USAGE', `--precision takes ${PRECISIONS.join(', ')}, not ${JSON.stringify(text)}`);
}

/** "name@version". */
export function idOf({ manifest }: Pick<StoredModel, 'manifest'>): string {
  return `${manifest.name}@${manifest.version}`;
}

export function bytesOf({ manifest }: Pick<StoredModel, 'manifest'>): number {
  return manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A JSON document on standard output. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
