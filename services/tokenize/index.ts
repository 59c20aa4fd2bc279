/** The tokenize capability, as the shared main (services/start.ts) runs it. */
import { type Clock, systemClock } from '../../chassis/clock.js';
import type { ServiceBinding } from '../../chassis/implement.js';
import type { Hub } from '../../inference/index.js';
import { type StoredModel, TASKS, type Task } from '../../models/index.js';
import { settings } from '../settings.js';
import { openTokenizeModel, type TokenizeModel } from './model.js';
import { createTokenizeService } from './service.js';

export const capability = 'tokenize';
/** Every model has a tokenizer. */
export const tasks: readonly Task[] = TASKS;
export const defaultModel: string = settings.tokenizeModel;

export function open(model: StoredModel): Promise<TokenizeModel> {
  return openTokenizeModel(model, settings, systemClock);
}

export function createService(deps: { hub: Hub<TokenizeModel>; instance: string; clock: Clock }): ServiceBinding {
  return createTokenizeService(deps);
}
