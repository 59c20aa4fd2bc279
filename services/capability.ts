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
  open(model: StoredModel, repository: Repository): Promise<M>;
  createService(deps: { hub: Hub<M>; instance: string; clock: Clock }): ServiceBinding;
}
