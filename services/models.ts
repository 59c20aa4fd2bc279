/** plexus.v1.Models for the models of one service: what its hub has, loads and unloads, and what each has done. */
import { invalid } from '../chassis/check.js';
import { implement, type ServiceBinding } from '../chassis/implement.js';
import type { Hub, HubEntry, HubState, Running } from '../inference/hub.js';
import { parseReference } from '../models/index.js';
import type { Model } from '../protos/gen/plexus/v1/Model.js';
import type { ModelStats } from '../protos/gen/plexus/v1/ModelStats.js';
import type { ModelsHandlers } from '../protos/gen/plexus/v1/Models.js';

export function createModelsService(deps: { hub: Hub<Running>; instance: string; capability: string }): ServiceBinding {
  const { hub, instance, capability } = deps;

  const own = (asked: string): void => {
    if (asked !== '' && asked !== capability)
      throw invalid('capability', `this service is ${capability}, not ${JSON.stringify(asked)}`);
  };

  const matching = async (reference: string): Promise<readonly HubEntry[]> => {
    const { name, version, alias } = parseReference(reference);
    const entries = await hub.list();
    return entries.filter(
      ({ manifest, aliases, isDefault }) =>
        (name === '' ? isDefault : manifest.name === name) &&
        (version === undefined || manifest.version === version) &&
        (alias === undefined || aliases.includes(alias)),
    );
  };

  return implement<ModelsHandlers>('plexus.v1.Models', {
    async List(request) {
      own(request.capability);
      return { models: (await hub.list()).map((entry) => describe(entry, instance)) };
    },
    async Get(request) {
      own(request.capability);
      const found = await matching(request.model);
      if (found.length === 0) hub.lease(request.model).release(); // throws what is wrong with the name
      return { models: found.map((entry) => describe(entry, instance)) };
    },
    async Load(request) {
      own(request.capability);
      return { models: [describe(await hub.load(request.model), instance)] };
    },
    async Unload(request) {
      own(request.capability);
      return { models: [describe(await hub.unload(request.model), instance)] };
    },
    async Stats(request) {
      own(request.capability);
      const entries = request.model === '' ? await hub.list() : await matching(request.model);
      return { stats: entries.flatMap((entry) => statistics(entry, instance)) };
    },
  });
}

const STATES = {
  available: 'MODEL_STATE_AVAILABLE',
  loading: 'MODEL_STATE_LOADING',
  ready: 'MODEL_STATE_READY',
  unloading: 'MODEL_STATE_UNLOADING',
  failed: 'MODEL_STATE_FAILED',
} as const satisfies Record<HubState['at'], string>;

function describe({ manifest, state, isDefault, aliases }: HubEntry, instance: string): Model {
  return {
    name: manifest.name,
    version: manifest.version,
    digest: manifest.digest,
    task: manifest.task,
    architecture: manifest.architecture,
    precision: manifest.precision,
    state: STATES[state.at],
    isDefault,
    aliases: [...aliases],
    maxTokens: manifest.maxTokens,
    dimensions: manifest.embed?.dimensions ?? 0,
    labels: manifest.classify?.labels ?? [],
    prompts: Object.keys(manifest.embed?.prompts ?? {}),
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    licence: manifest.licence,
    instance,
    failure: state.at === 'failed' ? state.reason : '',
    ...(state.at === 'ready' && {
      loadedAt: { seconds: Math.floor(state.sinceMs / 1000), nanos: (state.sinceMs % 1000) * 1_000_000 },
    }),
  };
}

function statistics({ manifest, stats }: HubEntry, instance: string): ModelStats[] {
  return stats ? [{ name: manifest.name, version: manifest.version, instance, ...stats }] : [];
}
