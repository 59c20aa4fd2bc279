/**
 * Where a model grows before it is one: `<cache>/staging/<key>/files`, kept across crashes so that a pull resumes, locked so that
 * two pulls do not write the same file. A finished one is renamed into place in one step: nobody ever sees half a model.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import type { Manifest } from '../manifest.js';
import { checkManifest } from '../schema.js';

export interface Stage {
  /** Where the files of the model are written. */
  readonly files: string;
  /** Writes manifest.json and moves the whole to `<models>/<name>/<version>`; false where that version was there already. */
  install(manifest: Manifest): Promise<boolean>;
  /** Lets others in; what was written stays for the next try. */
  release(): Promise<void>;
}

/** Kept free on the disk beyond the model itself. */
const SPARE_BYTES = 64 * 2 ** 20;

/** Opens the staging folder of `key`. PULL_UNAVAILABLE where another living process has it. */
export async function openStage(cache: string, key: string): Promise<Stage> {
  const folder = join(cache, 'staging', key.replaceAll('/', '--'));
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  await lock(folder);
  return {
    files,
    async install(manifest) {
      checkManifest(manifest, `${manifest.name}/${manifest.version}/manifest.json`);
      await removeStrays(files, manifest);
      await writeDurably(join(files, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
      const target = join(cache, 'models', manifest.name, manifest.version);
      await mkdir(dirname(target), { recursive: true });
      try {
        await rename(files, target);
      } catch (error) {
        if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        await rm(folder, { recursive: true, force: true });
        return false;
      }
      await rm(folder, { recursive: true, force: true });
      return true;
    },
    release: () => rm(join(folder, 'lock'), { force: true }),
  };
}

/** PULL_REFUSED where the disk that holds `folder` cannot take `bytes` more. */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes + SPARE_BYTES) {
    throw new MeshError(
      'PULL_REFUSED',
      `the disk of the cache has ${free} bytes free; ${bytes} are needed and ${SPARE_BYTES} stay free. Remove models (plexus models remove, gc) or set PLEXUS_CACHE`,
    );
  }
}

/** Staging folders that no living process holds. */
export async function listAbandoned(cache: string): Promise<{ folder: string; modifiedMs: number }[]> {
  const root = join(cache, 'staging');
  const found: { folder: string; modifiedMs: number }[] = [];
  for (const name of await readdir(root).catch(() => [])) {
    const folder = join(root, name);
    const holder = await holderOf(folder);
    if (holder === undefined || !isAlive(holder)) found.push({ folder, modifiedMs: (await stat(folder)).mtimeMs });
  }
  return found;
}

async function lock(folder: string): Promise<void> {
  const path = join(folder, 'lock');
  for (let tries = 0; tries < 3; tries++) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await holderOf(folder);
    if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
      throw new MeshError('PULL_UNAVAILABLE', `process ${holder} is pulling the same model; wait for it, or stop it`);
    }
    if (holder === process.pid)
      throw new MeshError('PULL_UNAVAILABLE', 'this process is pulling the same model already');
    await rm(path, { force: true }); // left by a process that was killed
  }
  throw new MeshError('PULL_UNAVAILABLE', 'other processes keep pulling the same model; wait for them');
}

async function holderOf(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'lock'), 'utf8').catch(() => '');
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, and somebody else's
  }
}

/** What an earlier try with another choice of files left behind does not belong to this version. */
async function removeStrays(files: string, manifest: Manifest): Promise<void> {
  const listed = new Set(manifest.files.map(({ path }) => path));
  for (const entry of await readdir(files, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const absolute = join(entry.parentPath, entry.name);
    const path = absolute.slice(files.length + 1).replaceAll('\\', '/');
    if (!listed.has(path)) await rm(absolute, { force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
