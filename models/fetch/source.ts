/**
 * What `plexus models pull` is asked for: a hub id ("org/name", "name", "org/name@revision", a page of the hub), an address of a
 * folder that holds a manifest.json, or "file:" and a local folder.
 */
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeshError } from '../../chassis/errors.js';

export type Source =
  | { kind: 'hub'; id: string; revision: string }
  /** `folder` ends with "/". */
  | { kind: 'https'; folder: URL }
  | { kind: 'file'; folder: string };

const HUB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$/;
/** Branch, tag, commit or "refs/pr/3". */
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;

/** Parses a source; PULL_SOURCE_INVALID says what is understood. `endpoint` is the hub, whose page addresses are taken as ids. */
export function parseSource(text: string, endpoint: string): Source {
  if (text.startsWith('file:')) return { kind: 'file', folder: localFolder(text) };
  if (/^https?:\/\//i.test(text)) return webSource(text, endpoint);
  const [id = '', revision = 'main', ...rest] = text.split('@');
  if (rest.length === 0) return hubSource(id, revision, text);
  throw invalid(text);
}

function hubSource(id: string, revision: string, text: string): Source {
  if (!HUB_ID.test(id) || id.includes('..') || id.includes('--')) throw invalid(text);
  if (!REVISION.test(revision) || revision.includes('..') || revision.includes('//')) throw invalid(text);
  return { kind: 'hub', id, revision };
}

function webSource(text: string, endpoint: string): Source {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(text);
  }
  if (url.username || url.password) {
    throw new MeshError('PULL_SOURCE_INVALID', 'the address carries a user or password; set HF_TOKEN instead');
  }
  if (!isProtected(url)) {
    throw new MeshError(
      'PULL_SOURCE_INVALID',
      `${url.host} is asked for over http:, which anyone on the way can change; use https:`,
    );
  }
  const page = /^\/([^/]+\/[^/]+)(?:\/tree\/(.+?))?\/?$/.exec(url.pathname);
  if (url.origin === new URL(endpoint).origin && page?.[1]) return hubSource(page[1], page[2] ?? 'main', text);
  url.search = '';
  url.hash = '';
  url.pathname = url.pathname.replace(/manifest\.json$/, '').replace(/\/?$/, '/');
  return { kind: 'https', folder: url };
}

/** Encrypted, or never leaves this machine. */
export function isProtected(url: URL): boolean {
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname))
  );
}

function localFolder(text: string): string {
  const rest = text.slice('file:'.length);
  if (rest.startsWith('//')) {
    try {
      return fileURLToPath(text);
    } catch {
      throw invalid(text);
    }
  }
  if (rest === '') throw invalid(text);
  return isAbsolute(rest) ? rest : resolve(rest);
}

function invalid(text: string): MeshError {
  const shown = JSON.stringify(text.slice(0, 120));
  return new MeshError(
    'PULL_SOURCE_INVALID',
    `${shown} is no source: give "org/name" or "org/name@revision" of the hub, "https://host/folder/" of a folder with a manifest.json, or "file:folder"`,
  );
}
