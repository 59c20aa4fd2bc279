/**
 * The cache of the hub's own tools (HF_HOME): files that Python already fetched need not be fetched again, and offline they are
 * all there is. Layout: hub/models--org--name/{refs/<revision>, snapshots/<commit>/<path> -> ../../blobs/<hash>}.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import type { PullSettings } from '../settings.js';

type Env = Readonly<Record<string, string | undefined>>;

/** HF_HOME, or where the hub's tools have it. */
export function hubHome(settings: Pick<PullSettings, 'home'>, env: Env): string {
  return settings.home || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
}

/** The token: HF_TOKEN, or what `login` of the hub's tools has left in HF_HOME. Empty where there is none. */
export async function readToken(settings: Pick<PullSettings, 'home' | 'token'>, env: Env): Promise<string> {
  const text =
    settings.token ||
    env.HUGGING_FACE_HUB_TOKEN ||
    (await readFile(env.HF_TOKEN_PATH || join(hubHome(settings, env), 'token'), 'utf8').catch(() => ''));
  return text.trim().split(/\s/)[0] ?? '';
}

function repositoryFolder(settings: Pick<PullSettings, 'home'>, env: Env, id: string): string {
  const cache = env.HF_HUB_CACHE || join(hubHome(settings, env), 'hub');
  return join(cache, `models--${id.replaceAll('/', '--')}`);
}

/** The snapshot folder of a revision, and its commit; undefined where the cache has none. */
export async function findSnapshot(
  settings: Pick<PullSettings, 'home'>,
  env: Env,
  id: string,
  revision: string,
): Promise<{ folder: string; commit: string } | undefined> {
  const repository = repositoryFolder(settings, env, id);
  const noted = await readFile(join(repository, 'refs', ...revision.split('/')), 'utf8').catch(() => revision);
  const commit = noted.trim();
  if (!/^[0-9a-f]{40}$/.test(commit)) return undefined;
  const folder = join(repository, 'snapshots', commit);
  return (await stat(folder).catch(() => undefined))?.isDirectory() ? { folder, commit } : undefined;
}

/** A file of that cache with the wanted hash (its name there) and size; its content must still be checked. */
export async function findBlob(
  settings: Pick<PullSettings, 'home'>,
  env: Env,
  id: string,
  hash: string,
  bytes: number,
): Promise<string | undefined> {
  const path = join(repositoryFolder(settings, env, id), 'blobs', hash);
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() && found.size === bytes ? path : undefined;
}

/** Where links of a folder may lead: into itself, and for a snapshot of this cache into its repository's blobs. */
export async function linksAllowed(folder: string): Promise<(path: string) => Promise<boolean>> {
  const root = await realpath(folder);
  const parts = root.split(sep);
  const isSnapshot = parts.at(-2) === 'snapshots' && (parts.at(-3) ?? '').startsWith('models--');
  const roots = [root, ...(isSnapshot ? [[...parts.slice(0, -2), 'blobs'].join(sep)] : [])];
  return async (path) => {
    const real = await realpath(path).catch(() => '');
    return roots.some((each) => real.startsWith(each + sep));
  };
}
