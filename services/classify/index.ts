/** The classify capability, as the shared main (services/start.ts) runs it. */
import { type Clock, systemClock } from '../../chassis/clock.js';
import type { ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import type { StoredModel, Task } from '../../models/index.js';
import { settings } from '../settings.js';
import { type HeldModel, openModel } from './model.js';
import { createClassifyService } from './service.js';

export const capability = 'classify';
export const tasks: readonly Task[] = ['classify', 'embed'];
export const defaultModel: string = settings.classifyModel;
/** The embedder of ZeroShot, and further classifiers. */
export const alsoLoaded: readonly string[] = [...settings.classifyAlso, settings.embedModel];

export function open(model: StoredModel): Promise<HeldModel> {
  return openModel(model, settings, systemClock);
}

export function createService(deps: { hub: Hub<HeldModel>; instance: string; clock: Clock }): ServiceBinding {
  return createClassifyService({ ...deps, embedder: settings.embedModel, labelSetsMax: settings.labelSetsMax });
}
