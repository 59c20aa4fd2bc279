/**
 * Which models exist: folders on the search path, versions side by side, immutable. Every call looks at the folders anew (names
 * and times only; what has not changed is not read again), so a model that was just pulled is found without a restart. One bad
 * folder never hides the others: it is reported by `problems` and by `find` when it is asked for.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../chassis/errors.js';
import { hashFile, listFiles } from './folder.js';
import { inferManifest } from './infer.js';
import type { Manifest } from './manifest.js';
import type { ModelReference } from './reference.js';
import { type Candidate, scan } from './scan.js';
import { MANIFEST_BYTES_MAX, parseManifest } from './schema.js';
import { compareVersions, isCommit } from './version.js';

export interface StoredModel {
  manifest: Manifest;
  /** Absolute path of the folder; never sent to a caller. */
  folder: string;
  /** True where the folder has no manifest.json and it was inferred. */
  inferred: boolean;
}

export interface Repository {
  /** Every model version on the search path, by name, then newest version first. */
  list(): Promise<readonly StoredModel[]>;
  /** The version a reference means (none given: the newest). MODEL_UNKNOWN, VERSION_UNKNOWN with what there is. */
  find(reference: ModelReference): Promise<StoredModel>;
  /** Checks every file against the manifest; MODEL_CHANGED names the first that differs, is missing or was added. */
  verify(model: StoredModel): Promise<void>;
}

/** A folder that should be a model and is not usable. */
export interface ModelProblem {
  name: string;
  version: string | undefined;
  /** Absolute path of the folder; never sent to a caller. */
  folder: string;
  error: MeshError;
}

export interface FolderRepository extends Repository {
  /** What `list` left out, and why. */
  problems(): Promise<readonly ModelProblem[]>;
}

export interface RepositoryOptions {
  /** Roots of the search path, in order; one that does not exist is empty. The first that has a version wins. */
  folders: readonly string[];
}

interface Cached {
  key: string;
  read: StoredModel | MeshError;
}

interface Contents {
  models: StoredModel[];
  problems: ModelProblem[];
}

export function createRepository({ folders }: RepositoryOptions): FolderRepository {
  const cache = new Map<string, Cached>();
  let reading: Promise<Contents> | undefined;

  /** Calls that come while the folders are being read share that reading. */
  function contents(): Promise<Contents> {
    reading ??= readAll(folders, cache).finally(() => {
      reading = undefined;
    });
    return reading;
  }

  return {
    list: async () => (await contents()).models,
    problems: async () => (await contents()).problems,
    find: async (reference) => choose(await contents(), reference),
    verify,
  };
}

async function readAll(folders: readonly string[], cache: Map<string, Cached>): Promise<Contents> {
  const found = new Map<string, StoredModel>();
  const problems: ModelProblem[] = [];
  const seen = new Set<string>();
  for (const root of folders) {
    for (const candidate of await scan(root)) {
      const { folder, name, version } = candidate;
      seen.add(folder);
      const read = await readCached(candidate, cache);
      if (read instanceof MeshError) {
        problems.push({ name, version, folder, error: read });
        continue;
      }
      const id = `${read.manifest.name}@${read.manifest.version}`;
      const first = found.get(id);
      if (!first) found.set(id, read);
      else if (first.manifest.digest !== read.manifest.digest) {
        problems.push({ name, version: read.manifest.version, folder, error: twice(id) });
      }
    }
  }
  for (const folder of cache.keys()) if (!seen.has(folder)) cache.delete(folder);
  return { models: [...found.values()].sort(compareModels), problems };
}

function twice(id: string): MeshError {
  return new MeshError(
    'MODEL_CHANGED',
    `${id} is on the search path twice with different files; the first is used. Give this one another version`,
  );
}

async function readCached(candidate: Candidate, cache: Map<string, Cached>): Promise<StoredModel | MeshError> {
  try {
    const key = await keyOf(candidate);
    const known = cache.get(candidate.folder);
    if (known?.key === key) return known.read;
    const read = await readModel(candidate).catch(asProblem(candidate));
    cache.set(candidate.folder, { key, read });
    return read;
  } catch (error) {
    return asProblem(candidate)(error);
  }
}

/** Changes whenever what the manifest is made of changes: manifest.json, or every file where it is inferred. */
async function keyOf({ folder, hasManifest }: Candidate): Promise<string> {
  const paths = hasManifest ? ['manifest.json'] : await listFiles(folder);
  const stamps = await Promise.all(
    paths.map(async (path) => {
      const at = await stat(join(folder, path), { bigint: true });
      return `${path}:${at.ino}:${at.size}:${at.mtimeNs}:${at.ctimeNs}`;
    }),
  );
  return stamps.join('\n');
}

async function readModel({ folder, place, name, version, hasManifest }: Candidate): Promise<StoredModel> {
  if (!hasManifest) {
    return { manifest: await inferManifest(folder, { name, version: version ?? '1' }), folder, inferred: true };
  }
  const file = join(folder, 'manifest.json');
  const label = `${place}/manifest.json`;
  const { size } = await stat(file);
  if (size > MANIFEST_BYTES_MAX) {
    throw new MeshError(
      'MANIFEST_INVALID',
      `${label}: has ${size} bytes, more than the ${MANIFEST_BYTES_MAX} that are read`,
    );
  }
  const manifest = parseManifest(await readFile(file, 'utf8'), label);
  // A folder that says something else than its manifest would be found under one name and shown under another.
  if (version !== undefined && (manifest.version !== version || manifest.name !== name)) {
    const field = manifest.version === version ? 'name' : 'version';
    throw new MeshError(
      'MANIFEST_INVALID',
      `${label}: ${field}: is ${manifest[field]}, but the folder is ${place}; rename one of them`,
      {
        violations: [{ field, description: `must be as the folder is called (${place})` }],
        facts: { file: label },
      },
    );
  }
  return { manifest, folder, inferred: false };
}

function asProblem({ place }: Candidate): (error: unknown) => MeshError {
  return (error) => {
    const options = { cause: error, facts: { model: place } };
    if (!(error instanceof MeshError))
      return new MeshError(
        'MANIFEST_INVALID',
        `${place}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`,
        options,
      );
    if (error.message.startsWith(place)) return error;
    return new MeshError(error.code, `${place}: ${error.message}`, { ...options, violations: error.violations });
  };
}

/** By name, then newest version first. */
export function compareModels(a: StoredModel, b: StoredModel): number {
  if (a.manifest.name !== b.manifest.name) return a.manifest.name < b.manifest.name ? -1 : 1;
  if (isCommit(a.manifest.version) && isCommit(b.manifest.version)) {
    const order = Date.parse(b.manifest.created ?? '') - Date.parse(a.manifest.created ?? '');
    if (order !== 0 && !Number.isNaN(order)) return order;
  }
  return compareVersions(a.manifest.version, b.manifest.version);
}

function choose({ models, problems }: Contents, { name, version, alias }: ModelReference): StoredModel {
  const versions = models.filter((model) => model.manifest.name === name);
  const broken = problems.find(
    (problem) => problem.name === name && (version === undefined || problem.version === version),
  );
  if (alias !== undefined) {
    throw new MeshError(
      'ALIAS_UNKNOWN',
      `${name}:${alias}: aliases belong to running services; the repository knows versions`,
      { facts: { model: name } },
    );
  }
  const found = version === undefined ? versions[0] : versions.find((model) => model.manifest.version === version);
  if (found) return found;
  if (broken) throw broken.error;
  if (versions.length > 0) {
    const known = versions.map((model) => model.manifest.version);
    throw new MeshError('VERSION_UNKNOWN', `${name} has no version ${version}; there is ${some(known)}`, {
      facts: { model: name, version: version ?? '' },
    });
  }
  const names = [...new Set(models.map((model) => model.manifest.name))];
  throw new MeshError(
    'MODEL_UNKNOWN',
    `no model is called ${JSON.stringify(name)}; there is ${some(names) || 'none'}`,
    { facts: { model: name } },
  );
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ');
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}

async function verify({ manifest, folder }: StoredModel): Promise<void> {
  const { name, version } = manifest;
  const changed = (path: string, what: string): MeshError =>
    new MeshError(
      'MODEL_CHANGED',
      `${name}@${version}: ${path} ${what}; versions are immutable: restore the file, or make it a new version`,
      {
        facts: { model: name, version, file: path },
      },
    );
  const listed = new Set(manifest.files.map(({ path }) => path));
  const present = new Set(await listFiles(folder).catch(() => []));
  for (const { path, bytes } of manifest.files) {
    if (!present.has(path)) throw changed(path, 'is missing');
    const { size } = await stat(join(folder, path));
    if (size !== bytes) throw changed(path, `has ${size} bytes, the manifest says ${bytes}`);
  }
  // An added file could be the one a loader picks: a version is exactly its files.
  for (const path of present) if (!listed.has(path)) throw changed(path, 'is not in the manifest');
  for (const { path, sha256 } of manifest.files) {
    const found = await hashFile(join(folder, path));
    if (found.sha256 !== sha256) throw changed(path, `has sha256 ${found.sha256}, the manifest says ${sha256}`);
  }
}
