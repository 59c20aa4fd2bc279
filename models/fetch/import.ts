/**
 * A folder on this machine becomes an installed version: checked against its manifest, or with an inferred one. Copied, never
 * linked, because an installed version must not change when the folder does. Links that lead out of the folder are refused.
 */
import { copyFile, lstat, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import { describeFiles, listFiles } from '../folder.js';
import { inferManifest } from '../infer.js';
import type { Manifest } from '../manifest.js';
import { createRepository } from '../repository.js';
import { parseManifest } from '../schema.js';
import { requireAllowed } from './admit.js';
import { chooseFiles, isAllowed } from './choose.js';
import { hubVersion, isInstalled, type Placed, type PullContext } from './context.js';
import { linksAllowed } from './hub-cache.js';
import { createLedger } from './ledger.js';
import { openStage, requireSpace } from './stage.js';

/** `origin`: the folder is a snapshot of the hub's cache. */
export async function importFolder(
  folder: string,
  context: PullContext,
  origin?: { id: string; commit: string },
): Promise<Placed> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new MeshError('PULL_NOT_FOUND', `${folder} is not a folder`);
  const paths = await listFiles(folder);
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => undefined);
  const manifest =
    text === undefined ? await plain(folder, paths, context, origin) : await stated(folder, text, context);
  requireAllowed(manifest, context);
  const placed = { name: manifest.name, version: manifest.version };
  if (await isInstalled(context.cache, manifest.name, manifest.version)) {
    await requireSame(context, manifest);
    return { ...placed, already: true };
  }
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  context.onEvent({ at: 'resolved', ...placed, files: manifest.files.length, bytes });
  const stage = await openStage(context.cache, `${manifest.name}--${manifest.version}`);
  try {
    await requireSpace(context.cache, bytes);
    const ledger = createLedger(manifest.files, context.onEvent);
    for (const { path } of manifest.files) {
      const to = join(stage.files, ...path.split('/'));
      await mkdir(dirname(to), { recursive: true });
      await copyFile(await realpath(join(folder, path)), to);
      ledger.done(path, 'cache');
    }
    // What was copied, not what was read before: the folder may have changed in between.
    const copied = await describeFiles(
      stage.files,
      manifest.files.map(({ path }) => path),
    );
    const changed = copied.find((file, index) => file.sha256 !== manifest.files[index]?.sha256);
    if (changed)
      throw new MeshError(
        'MODEL_CHANGED',
        `${changed.path} changed while it was imported, or differs from manifest.json`,
        { facts: { file: changed.path } },
      );
    const installed = await stage.install(manifest);
    return { ...placed, already: !installed };
  } finally {
    await stage.release();
  }
}

async function stated(folder: string, text: string, context: PullContext): Promise<Manifest> {
  const written = parseManifest(text, `${basename(folder)}/manifest.json`);
  await requireInside(
    folder,
    written.files.map(({ path }) => path),
  );
  if (context.version !== undefined && context.version !== written.version) {
    throw new MeshError(
      'USAGE',
      `the folder's manifest says version ${written.version}; a manifest's version is not changed on import`,
    );
  }
  return { ...written, name: context.name ?? written.name };
}

async function plain(
  folder: string,
  paths: readonly string[],
  context: PullContext,
  origin: { id: string; commit: string } | undefined,
): Promise<Manifest> {
  const name = context.name ?? basename(await realpath(folder));
  const choice = chooseFiles(paths, context.precision, basename(folder));
  // Of a plain folder everything on the allow list is kept, except graphs of other precisions: a model may need its own files.
  const chosen = new Set(choice.paths);
  const kept = paths.filter((path) => chosen.has(path) || (isAllowed(path) && !path.includes('.onnx')));
  await requireInside(folder, kept);
  const version = context.version ?? (origin ? hubVersion(origin.commit, choice.precision) : '1');
  return inferManifest(folder, {
    name,
    version,
    precision: choice.precision,
    paths: kept,
    ...(origin && { source: `hub:${origin.id}@${origin.commit}` }),
  });
}

/** A link may point inside the folder, or from a snapshot of the hub's cache to its blobs; a device or socket is no file. */
async function requireInside(folder: string, paths: readonly string[]): Promise<void> {
  const allowed = await linksAllowed(folder);
  for (const path of paths) {
    const at = join(folder, path);
    const isFile = (await stat(at).catch(() => undefined))?.isFile() ?? false;
    if (isFile && (await allowed(at))) continue;
    const what = (await lstat(at).catch(() => undefined))?.isSymbolicLink()
      ? 'is a link that leads out of the folder'
      : 'is not a plain file of the folder';
    throw new MeshError('PULL_REFUSED', `${path} ${what}`, { facts: { file: path } });
  }
}

/** Importing other files under a version that is taken would change it. */
async function requireSame(context: PullContext, manifest: Manifest): Promise<void> {
  const repository = createRepository({ folders: [join(context.cache, 'models')] });
  const installed = await repository.find({ name: manifest.name, version: manifest.version });
  if (installed.manifest.digest === manifest.digest) return;
  throw new MeshError(
    'MODEL_CHANGED',
    `${manifest.name}@${manifest.version} is installed with other files; versions are immutable: import this one with --as <version>`,
    {
      facts: { model: manifest.name, version: manifest.version },
    },
  );
}
