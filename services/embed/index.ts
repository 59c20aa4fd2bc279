/** The embed capability, as the shared main (services/start.ts) runs it. */

import { type Clock, systemClock } from '../../chassis/clock.js';
import type { ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import type { StoredModel, Task } from '../../models/index.js';
import { settings } from '../settings.js';
import { type EmbedModel, openEmbedder } from './model.js';
import { createEmbedService } from './service.js';

export const capability = 'embed';
export const tasks: readonly Task[] = ['embed'];
export const defaultModel: string = settings.embedModel;

export function open(model: StoredModel): Promise<EmbedModel> {
  return openEmbedder(model, settings, systemClock);
}

export function createService(deps: { hub: Hub<EmbedModel>; instance: string; clock: Clock }): ServiceBinding {
  return createEmbedService({ ...deps, streamBatchesMax: settings.streamBatchesMax });
}
