/** A pull from the hub: pin the commit, choose the files, fetch them side by side, infer the manifest, install. */
import { MeshError } from '../../chassis/errors.js';
import { inferManifest } from '../infer.js';
import { isSafePath } from '../path.js';
import { chooseFiles } from './choose.js';
import { hubVersion, isInstalled, type Placed, type PullContext } from './context.js';
import { fetchFiles } from './fetch-files.js';
import { fileUrl, type HubFile, type HubRevision, listTree, readFileHeaders, readRevision } from './hub.js';
import { findBlob } from './hub-cache.js';
import { note } from './notes.js';
import { withRetries } from './retry.js';
import { openStage, requireSpace } from './stage.js';

export async function pullFromHub(
  id: string,
  revision: string,
  context: PullContext,
  endpoint: string,
): Promise<Placed> {
  const { commit, lastModified, licence } = await ask(context, `the revision of ${id}`, () =>
    readRevision(context.http, endpoint, id, revision),
  );
  const tree = await ask(context, `the files of ${id}`, () => listTree(context.http, endpoint, id, commit));
  const choice = chooseFiles(
    tree.map(({ path }) => path),
    context.precision,
    `${id}@${commit.slice(0, 12)}`,
  );
  const name = context.name ?? id;
  const version = hubVersion(commit, choice.precision);
  const placed = { name, version };
  if (await isInstalled(context.cache, name, version)) {
    await note(context, id, revision, commit, placed);
    return { ...placed, already: true };
  }
  const files = choice.paths.map((path) => tree.find((file) => file.path === path) as HubFile);
  requireSizes(files, context.settings.bytesMax, id);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  context.onEvent({ at: 'resolved', ...placed, commit, files: files.length, bytes });
  const stage = await openStage(context.cache, `${name}--${version}`);
  try {
    await requireSpace(context.cache, bytes);
    await fetchFiles(
      files.map((file) => ({
        ...file,
        url: fileUrl(endpoint, id, commit, file.path),
        check: (headers) => checkHeaders(headers, file, commit),
        cached: () => cachedBlob(file, id, context),
      })),
      stage.files,
      context,
    );
    const manifest = await inferManifest(stage.files, {
      name,
      version,
      source: `${endpoint}/${id}/tree/${commit}`,
      precision: choice.precision,
      ...(lastModified && { created: lastModified }),
    });
    const installed = await stage.install(withLicence(manifest, licence));
    await note(context, id, revision, commit, placed);
    return { ...placed, already: !installed };
  } finally {
    await stage.release();
  }
}

/** The hub's own word on the licence counts more than what the files say. */
function withLicence<M extends { licence: string }>(manifest: M, licence: HubRevision['licence']): M {
  return licence === undefined ? manifest : { ...manifest, licence };
}

/** A question to the hub, with retries. */
async function ask<T>(context: PullContext, what: string, question: () => Promise<T>): Promise<T> {
  return withRetries(question, {
    clock: context.http.clock,
    random: context.random,
    triesMax: context.settings.tries,
    signal: context.http.signal,
    onRetry: (why, delayMs) => context.onEvent({ at: 'retry', what, why, delayMs }),
  });
}

function requireSizes(files: readonly HubFile[], bytesMax: number, id: string): void {
  let sum = 0;
  for (const { path, bytes } of files) {
    if (!isSafePath(path)) throw new MeshError('PULL_REFUSED', `${id}: ${JSON.stringify(path)} is not a plain path`);
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw new MeshError('PULL_REFUSED', `${id}: ${path} has the size ${bytes}`);
    sum += bytes;
  }
  if (sum > bytesMax) {
    throw new MeshError(
      'PULL_REFUSED',
      `${id} has ${sum} bytes in the files that are needed; the limit is ${bytesMax} (PLEXUS_PULL_BYTES_MAX, --max-bytes)`,
    );
  }
}

/** The file in the cache of the hub's own tools, if they have fetched it. */
async function cachedBlob(file: HubFile, id: string, { settings, env }: PullContext): Promise<string | undefined> {
  const oid = file.sha256 ?? file.gitOid;
  return oid === undefined ? undefined : findBlob(settings, env, id, oid, file.bytes);
}

/** The answer must speak of the file that the list of files spoke of. */
function checkHeaders(headers: Headers, file: HubFile, commit: string): { sha256?: string | undefined } {
  const said = readFileHeaders(headers);
  const differs = (what: string, a: string | number, b: string | number): MeshError =>
    new MeshError('PULL_CORRUPT', `${file.path}: the hub answers with ${what} ${a}, its list of files says ${b}`, {
      facts: { file: file.path },
    });
  if (said.commit !== undefined && said.commit !== commit) throw differs('commit', said.commit, commit);
  if (said.sha256 !== undefined && file.sha256 !== undefined && said.sha256 !== file.sha256)
    throw differs('sha256', said.sha256, file.sha256);
  if (said.bytes !== undefined && said.bytes !== file.bytes) throw differs('size', said.bytes, file.bytes);
  // A mirror's list may know only git's pointer of a large file; the header knows its content.
  return { sha256: said.sha256 };
}
