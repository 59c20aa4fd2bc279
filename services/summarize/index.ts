/** The summarize capability, as the shared main (services/start.ts) runs it. */
import { type Clock, systemClock } from '../../chassis/clock.js';
import type { ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import type { Repository, StoredModel, Task } from '../../models/index.js';
import { settings as shared } from '../settings.js';
import { openSummarizer, type SummarizeModel } from './model.js';
import { createSummarizeService } from './service.js';
import { generator, settings } from './settings.js';

export const capability = 'summarize';
export const tasks: readonly Task[] = ['summarize'];
export const defaultModel: string = settings.model;

export function open(model: StoredModel, repository: Repository): Promise<SummarizeModel> {
  return openSummarizer(model, repository, { summarize: settings, generator, inference: shared }, systemClock);
}

export function createService(deps: { hub: Hub<SummarizeModel>; instance: string; clock: Clock }): ServiceBinding {
  return createSummarizeService({ ...deps, textsTogether: settings.textsTogether });
}
