/** What the shared main needs of a capability; each folder under services/ exports one as plain named exports. */
import type { Clock } from '../chassis/clock.js';
import type { ServiceBinding } from '../chassis/implement.js';
import type { Hub, Running } from '../inference/hub.js';
import type { Repository, StoredModel, Task } from '../models/index.js';

export interface CapabilityModule<M extends Running> {
  capability: string;
  /** Tasks whose models it may load. */
  tasks: readonly Task[];
  /** Reference that "" means. */
  defaultModel: string;
  /** Says instead what is loaded at start and what "" means, where that depends on the repository. */
  choose?(repository: Repository): Promise<Chosen>;
  open(model: StoredModel, repository: Repository): Promise<M>;
  createService(deps: { hub: Hub<M>; instance: string; clock: Clock }): ServiceBinding;
  /** Further services over the same models: other protocols. */
  createOthers?(deps: { hub: Hub<M>; instance: string; clock: Clock }): ServiceBinding[];
}

export interface Chosen {
  /** "" where requests must name a model. */
  defaultModel: string;
  /** References loaded at start. */
  load: readonly string[];
  /** Whether one that fails to load stops the process; else one that loads is enough. */
  required: boolean;
}
