/**
 * The hub's routes that a pull needs: a revision's commit, the list of its files with sizes and hashes, and the address of a
 * file. As the hub documents them and its own tools use them; a mirror must speak the same.
 */
import { MeshError } from '../../chassis/errors.js';
import { type Http, open, readJson } from './http.js';

export interface HubFile {
  path: string;
  bytes: number;
  /** Large files: sha256 of the content. */
  sha256: string | undefined;
  /** Small files: git's object id, sha1 over "blob <bytes>\0" and the content. */
  gitOid: string | undefined;
}

export interface HubRevision {
  /** 40 hex digits. */
  commit: string;
  /** ISO 8601, where the hub says. */
  lastModified: string | undefined;
  licence: string | undefined;
}

const ANSWER_BYTES_MAX = 32 * 2 ** 20;
const PAGES_MAX = 200;
/** Files of a repository on the hub; beyond it, it is no model. */
const ENTRIES_MAX = 20_000;

/** The commit that a branch, tag or commit means now. */
export async function readRevision(http: Http, endpoint: string, id: string, revision: string): Promise<HubRevision> {
  const url = new URL(`${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`);
  const info = record(await readJson(await open(http, url), ANSWER_BYTES_MAX));
  const commit = info?.sha;
  if (typeof commit !== 'string' || !/^[0-9a-f]{40}$/.test(commit)) {
    throw new MeshError('PULL_UNAVAILABLE', `${url.host} names no commit for ${id}@${revision}: is HF_ENDPOINT a hub?`);
  }
  const licence = record(info?.cardData)?.license;
  const modified = typeof info?.lastModified === 'string' ? Date.parse(info.lastModified) : Number.NaN;
  return {
    commit,
    lastModified: Number.isNaN(modified) ? undefined : new Date(modified).toISOString(),
    licence: typeof licence === 'string' && licence.length <= 100 ? licence : undefined,
  };
}

/** Every file of a commit; follows the pages of a long list. */
export async function listTree(http: Http, endpoint: string, id: string, commit: string): Promise<HubFile[]> {
  const files: HubFile[] = [];
  let url: URL | undefined = new URL(`${endpoint}/api/models/${id}/tree/${commit}?recursive=true`);
  for (let page = 0; url && page < PAGES_MAX; page++) {
    const opened = await open(http, url);
    const entries = await readJson(opened, ANSWER_BYTES_MAX);
    if (!Array.isArray(entries))
      throw new MeshError('PULL_UNAVAILABLE', `${url.host} lists no files for ${id}: is HF_ENDPOINT a hub?`);
    for (const entry of entries) {
      const file = toFile(record(entry));
      if (file) files.push(file);
    }
    if (files.length > ENTRIES_MAX)
      throw new MeshError('PULL_REFUSED', `${id} has more than ${ENTRIES_MAX} files: it is no model`);
    url = nextPage(opened.response.headers.get('link'), url);
  }
  if (url) throw new MeshError('PULL_REFUSED', `the list of files of ${id} has more than ${PAGES_MAX} pages`);
  return files;
}

/** Where a file's bytes are; the hub redirects large ones to its storage. */
export function fileUrl(endpoint: string, id: string, commit: string, path: string): URL {
  return new URL(`${endpoint}/${id}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
}

/** What the answer to fileUrl says of the file; undefined for what it leaves out. */
export function readFileHeaders(headers: Headers): {
  sha256: string | undefined;
  gitOid: string | undefined;
  bytes: number | undefined;
  commit: string | undefined;
} {
  const tag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '');
  const size = headers.get('x-linked-size');
  return {
    sha256: /^[0-9a-f]{64}$/.test(tag) ? tag : undefined,
    gitOid: /^[0-9a-f]{40}$/.test(tag) ? tag : undefined,
    bytes: size !== null && /^\d+$/.test(size) ? Number(size) : undefined,
    commit: headers.get('x-repo-commit') ?? undefined,
  };
}

function toFile(entry: Record<string, unknown> | undefined): HubFile | undefined {
  if (entry?.type !== 'file' || typeof entry.path !== 'string' || typeof entry.size !== 'number') return undefined;
  const lfs = record(entry.lfs);
  const sha256 = typeof lfs?.oid === 'string' ? lfs.oid.replace(/^sha256:/, '') : undefined;
  return {
    path: entry.path,
    bytes: typeof lfs?.size === 'number' ? lfs.size : entry.size,
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    // Of a large file, git's object is the pointer, not the content.
    gitOid: !lfs && typeof entry.oid === 'string' && /^[0-9a-f]{40}$/.test(entry.oid) ? entry.oid : undefined,
  };
}

function nextPage(link: string | null, current: URL): URL | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined) return undefined;
  const next = new URL(target, current);
  if (next.origin === current.origin) return next;
  throw new MeshError('PULL_REFUSED', `${current.host} continues its list of files at ${next.host}`);
}

function record(value: unknown): Record<string, unknown> | undefined {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
}
