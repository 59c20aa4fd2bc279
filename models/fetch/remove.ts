/**
 * Taking models out of the cache again. A version is renamed away first, so that nobody finds half of it; a process that has it
 * open goes on reading what it has opened.
 */
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import { createRepository, type StoredModel } from '../repository.js';
import { listAbandoned } from './stage.js';

/** Removes an installed version. PERMISSION_DENIED where the model is not in the cache. */
export async function removeInstalled(cache: string, { manifest, folder }: StoredModel): Promise<void> {
  const root = join(cache, 'models');
  if (!folder.startsWith(root + sep)) {
    throw new MeshError(
      'PERMISSION_DENIED',
      `${manifest.name}@${manifest.version} was not installed into the cache: delete its folder yourself`,
    );
  }
  const trash = join(cache, 'staging', `removed-${process.pid}-${Date.now()}`);
  await mkdir(dirname(trash), { recursive: true });
  await rename(folder, trash);
  await rm(trash, { recursive: true, force: true });
  for (let parent = dirname(folder); parent !== root; parent = dirname(parent)) {
    // Other versions may be in it.
    if (
      !(await rmdir(parent).then(
        () => true,
        () => false,
      ))
    )
      break;
  }
}

export interface Garbage {
  /** "name@version", or "unfinished <name>". */
  what: string;
  bytes: number;
}

/** Removes unfinished downloads that nobody is at, and versions beyond the newest `keepVersions` of each model. */
export async function collectGarbage(
  cache: string,
  { keepVersions, dryRun }: { keepVersions: number; dryRun: boolean },
): Promise<Garbage[]> {
  const removed: Garbage[] = [];
  for (const { folder } of await listAbandoned(cache)) {
    removed.push({
      what: `unfinished ${folder.slice(join(cache, 'staging').length + 1)}`,
      bytes: await sizeOf(folder),
    });
    if (!dryRun) await rm(folder, { recursive: true, force: true });
  }
  const kept = new Map<string, number>();
  for (const model of await createRepository({ folders: [join(cache, 'models')] }).list()) {
    const { name, version, files } = model.manifest;
    const rank = (kept.get(name) ?? 0) + 1;
    kept.set(name, rank);
    if (rank <= keepVersions) continue;
    removed.push({ what: `${name}@${version}`, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) });
    if (!dryRun) await removeInstalled(cache, model);
  }
  return removed;
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
