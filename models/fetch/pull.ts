/**
 * Brings a model into the pull cache: decides where it comes from, which version it becomes, and lets the parts do the work.
 * A version is pinned to a commit (or to a manifest's digest), so pulling again what is there costs one question, and none
 * where the commit was given in full.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { MODEL_NAME, MODEL_VERSION } from '../path.js';
import { createRepository, type StoredModel } from '../repository.js';
import { cacheFolder, type ModelSettings, type PullSettings } from '../settings.js';
import type { Precision } from '../weights.js';
import type { Placed, PullContext } from './context.js';
import type { OnPullEvent } from './events.js';
import type { Http } from './http.js';
import { findSnapshot, readToken } from './hub-cache.js';
import { importFolder } from './import.js';
import { findInstalled } from './notes.js';
import { pullFromHub } from './pull-hub.js';
import { pullFromWeb } from './pull-web.js';
import { parseSource, type Source } from './source.js';

export interface PullOptions {
  settings: PullSettings & Pick<ModelSettings, 'cache'>;
  env: Readonly<Record<string, string | undefined>>;
  /** Which weights; default the one a CPU prefers of those there are. */
  precision?: Precision | undefined;
  /** Name to install under; default that of the source. */
  name?: string | undefined;
  /** Only for folders without a manifest; a hub's version is its commit. */
  version?: string | undefined;
  /** What the manifest's digest must be; refuses anything else. */
  digest?: string | undefined;
  onEvent?: OnPullEvent;
  signal?: AbortSignal;
  clock?: Clock;
  random?(): number;
}

/** Pulls `text` (see source.ts) and resolves with the installed version. PULL_*, MODEL_UNSUPPORTED, MANIFEST_INVALID. */
export async function pull(text: string, options: PullOptions): Promise<StoredModel> {
  const context = await toContext(options);
  const endpoint = context.settings.endpoint.replace(/\/+$/, '');
  if (!URL.canParse(endpoint))
    throw new MeshError('PULL_SOURCE_INVALID', `HF_ENDPOINT is ${JSON.stringify(endpoint)}, which is no address`);
  const source = parseSource(text, endpoint);
  const at = await place(source, context, endpoint);
  const [found] = await createRepository({ folders: [join(context.cache, 'models')] })
    .list()
    .then((models) => models.filter(({ manifest }) => manifest.name === at.name && manifest.version === at.version));
  if (!found)
    throw new MeshError(
      'MODEL_FAILED',
      `${at.name}@${at.version} was pulled but cannot be read: run plexus models verify`,
    );
  context.onEvent({ at: 'installed', name: at.name, version: at.version, already: at.already });
  return found;
}

async function place(source: Source, context: PullContext, endpoint: string): Promise<Placed> {
  if (source.kind === 'file') return importFolder(source.folder, context);
  if (source.kind === 'https') {
    if (context.settings.offline) throw offline(source.folder.href);
    return pullFromWeb(source.folder, context);
  }
  const known = await findInstalled(context, source.id, source.revision);
  if (known && (context.settings.offline || /^[0-9a-f]{40}$/.test(source.revision))) return { ...known, already: true };
  if (context.settings.offline) {
    const snapshot = await findSnapshot(context.settings, context.env, source.id, source.revision);
    if (!snapshot) throw offline(`${source.id}@${source.revision}`);
    return importFolder(
      snapshot.folder,
      { ...context, name: context.name ?? source.id },
      { id: source.id, commit: snapshot.commit },
    );
  }
  return pullFromHub(source.id, source.revision, context, endpoint);
}

function offline(what: string): MeshError {
  return new MeshError('PULL_UNAVAILABLE', `${what} is not in the cache, and HF_HUB_OFFLINE forbids the network`);
}

async function toContext(options: PullOptions): Promise<PullContext> {
  const { settings, env, precision, name, version, digest } = options;
  if (name !== undefined && !MODEL_NAME.test(name))
    throw new MeshError('USAGE', `${JSON.stringify(name)} is no name of a model: "name" or "org/name"`);
  if (version !== undefined && !MODEL_VERSION.test(version))
    throw new MeshError('USAGE', `${JSON.stringify(version)} is no version: letters, digits, ".", "_" and "-"`);
  const http: Http = {
    clock: options.clock ?? systemClock,
    stallMs: settings.stallMs,
    token: await readToken(settings, env),
    tokenOrigin: URL.canParse(settings.endpoint) ? new URL(settings.endpoint).origin : '',
    signal: options.signal,
  };
  return {
    settings,
    env,
    cache: cacheFolder(settings, env),
    precision,
    name,
    version,
    digest,
    http,
    random: options.random ?? Math.random,
    onEvent: options.onEvent ?? (() => {}),
  };
}
