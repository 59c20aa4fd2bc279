/** The infer capability, as the shared main (services/start.ts) runs it. */

import { type Clock, systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import type { ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import type { Repository, StoredModel, Task } from '../../models/index.js';
import type { Chosen } from '../capability.js';
import { settings } from '../settings.js';
import { type InferModel, openInfer } from './model.js';
import { createOpenInferenceService } from './open-inference.js';
import { createInferService } from './service.js';

export const capability = 'infer';
/** Graphs of the text tasks can be called by their tensors as well, once they are loaded. */
export const tasks: readonly Task[] = ['infer', 'embed', 'classify'];
export const defaultModel: string = settings.inferModel;

/** What PLEXUS_MODELS_INFER names, else every graph of this task, newest version each; the only one is the default. */
export async function choose(repository: Repository): Promise<Chosen> {
  const names = [
    ...new Set((await repository.list()).flatMap(({ manifest: { task, name } }) => (task === 'infer' ? [name] : []))),
  ];
  const named = [...(defaultModel === '' ? [] : [defaultModel]), ...settings.inferAlso];
  const wanted = named.length > 0 ? named : names;
  if (wanted.length === 0) {
    throw new MeshError(
      'MODEL_UNKNOWN',
      'there is no model for infer: put a folder with a model.onnx on PLEXUS_MODELS (plexus models import brings one), or name one in PLEXUS_MODEL_INFER',
    );
  }
  // What was found rather than named may fail to load without taking its siblings along.
  return {
    defaultModel: wanted.length === 1 ? (wanted[0] as string) : defaultModel,
    load: wanted,
    required: named.length > 0,
  };
}

export function open(model: StoredModel): Promise<InferModel> {
  return openInfer(model, settings, systemClock);
}

export function createService(deps: { hub: Hub<InferModel>; instance: string; clock: Clock }): ServiceBinding {
  return createInferService({ ...deps, streamCallsMax: settings.streamBatchesMax });
}

export function createOthers(deps: { hub: Hub<InferModel>; instance: string; clock: Clock }): ServiceBinding[] {
  return [createOpenInferenceService(deps)];
}
