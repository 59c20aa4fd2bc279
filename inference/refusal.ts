/** Why a request does not get the model it names, each listing what there is instead. */
import { fieldError, MeshError } from '../chassis/errors.js';
import type { Manifest, StoredModel } from '../models/index.js';
import type { HubState } from './hub.js';

/** What a caller is told to wait for a model that is loading: starter models take about a second. */
const RETRY_LOADING_MS = 2_000;

export function modelUnknown(name: string, known: readonly StoredModel[], field: string): MeshError {
  const names = new Set(known.map(({ manifest }) => manifest.name));
  const text = `there is no model ${JSON.stringify(name)}; there are ${listed(names)}`;
  return fieldError('MODEL_UNKNOWN', field, text, { model: name });
}

/** The request names none, and no model is the default. */
export function unnamed(known: readonly StoredModel[], field: string): MeshError {
  const names = new Set(known.map(({ manifest }) => manifest.name));
  return fieldError('FIELD_REQUIRED', field, `must be given: no model is the default here; there are ${listed(names)}`);
}

export function versionUnknown(
  name: string,
  version: string,
  versions: readonly StoredModel[],
  field: string,
): MeshError {
  const have = listed(versions.map(({ manifest }) => manifest.version));
  const text = `${name} has no version ${JSON.stringify(version)}; it has ${have}`;
  return fieldError('VERSION_UNKNOWN', field, text, { model: name });
}

export function aliasUnknown(name: string, alias: string, have: readonly string[], field: string): MeshError {
  const text = `${name} has no alias ${JSON.stringify(alias)}; it has ${listed(have)}`;
  return fieldError('ALIAS_UNKNOWN', field, text, { model: name });
}

export function wrongTask(manifest: Manifest, tasks: readonly string[], field: string): MeshError {
  const text = `${manifest.name} is a model for ${manifest.task}; this takes models for ${tasks.join(', ')}`;
  return fieldError('MODEL_WRONG_TASK', field, text, { model: manifest.name });
}

export function stillStarting(): MeshError {
  return new MeshError('MODEL_NOT_READY', `the models are being read: retry in ${RETRY_LOADING_MS / 1000} s`, {
    retryAfterMs: RETRY_LOADING_MS,
  });
}

/** `ready`: versions of the same model that could answer now. */
export function notReady({ name, version }: Manifest, state: HubState, ready: readonly string[]): MeshError {
  const key = `${name}@${version}`;
  const facts = { model: name, version };
  const instead = ready.length > 0 ? `, or ask for ${ready.map((each) => `${name}@${each}`).join(' or ')}` : '';
  if (state.at === 'failed') {
    return new MeshError('MODEL_FAILED', `model ${key} could not be loaded: ${state.reason}${instead}`, { facts });
  }
  if (state.at === 'loading') {
    const text = `model ${key} is loading: retry in ${RETRY_LOADING_MS / 1000} s${instead}`;
    return new MeshError('MODEL_NOT_READY', text, { facts, retryAfterMs: RETRY_LOADING_MS });
  }
  const what = state.at === 'unloading' ? 'is being unloaded' : 'is not loaded here: Models.Load loads it';
  return new MeshError('MODEL_NOT_READY', `model ${key} ${what}${instead}`, { facts });
}

/** "a, b, c", at most 20 of them; "none". */
function listed(names: Iterable<string>): string {
  const all = [...names];
  if (all.length === 0) return 'none';
  return all.length > 20 ? `${all.slice(0, 20).join(', ')} and ${all.length - 20} more` : all.join(', ');
}
