/**
 * A pull from any https: folder that holds a manifest.json: the manifest names every file with its size and hash, so the
 * server needs to be nothing more than a file server. `digest` pins the manifest itself.
 */
import type { Manifest } from '../manifest.js';
import { checkManifest, MANIFEST_BYTES_MAX } from '../schema.js';
import { requireAllowed } from './admit.js';
import { isInstalled, type Placed, type PullContext } from './context.js';
import { fetchFiles } from './fetch-files.js';
import { open, readJson } from './http.js';
import { withRetries } from './retry.js';
import { openStage, requireSpace } from './stage.js';

export async function pullFromWeb(folder: URL, context: PullContext): Promise<Placed> {
  const written = await readManifest(folder, context);
  const manifest: Manifest = { ...written, name: context.name ?? written.name };
  requireAllowed(manifest, context);
  const placed = { name: manifest.name, version: manifest.version };
  if (await isInstalled(context.cache, manifest.name, manifest.version)) return { ...placed, already: true };
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  context.onEvent({ at: 'resolved', ...placed, files: manifest.files.length, bytes });
  const stage = await openStage(context.cache, `${manifest.name}--${manifest.version}`);
  try {
    await requireSpace(context.cache, bytes);
    await fetchFiles(
      manifest.files.map((file) => ({
        ...file,
        gitOid: undefined,
        url: new URL(file.path.split('/').map(encodeURIComponent).join('/'), folder),
        check: () => ({}),
        cached: async () => undefined,
      })),
      stage.files,
      context,
    );
    const installed = await stage.install(manifest);
    return { ...placed, already: !installed };
  } finally {
    await stage.release();
  }
}

async function readManifest(folder: URL, context: PullContext): Promise<Manifest> {
  const url = new URL('manifest.json', folder);
  const value = await withRetries(async () => readJson(await open(context.http, url), MANIFEST_BYTES_MAX), {
    clock: context.http.clock,
    random: context.random,
    triesMax: context.settings.tries,
    signal: context.http.signal,
    onRetry: (why, delayMs) => context.onEvent({ at: 'retry', what: 'manifest.json', why, delayMs }),
  });
  return checkManifest(value, url.href);
}
