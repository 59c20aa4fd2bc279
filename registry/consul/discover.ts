/**
 * Discovery: a blocking query that is asked again for ever. After a failure, and where the index goes back (the agent was
 * restarted or rebuilt), it begins at 0 and tells the roster that the list is fresh. Unchanged payloads are the roster's to drop.
 */
import { type Clock, sleep } from '../../chassis/clock.js';
import type { Logger } from '../../chassis/log.js';
import { createBackoff } from '../backoff.js';
import type { Instance } from '../registry.js';
import type { ConsulAgent } from './agent.js';
import { toInstance } from './entry.js';

export interface FollowOptions {
  agent: ConsulAgent;
  /** Name in Consul: "plexus-embed". */
  service: string;
  capability: string;
  clock: Clock;
  random: () => number;
  log: Logger;
  onList: (instances: readonly Instance[], fresh: boolean) => void;
}

/** How long one query may wait for news. */
const WAIT_MS = 30_000;
/** The least time between two queries, so that a busy index or an agent that does not block cannot make this spin. */
const SPACING_MS = 50;

/** Ends when `signal` aborts. Never rejects. */
export async function follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { agent, service, capability, clock, random, log } = options;
  const backoff = createBackoff({ firstMs: 200, maxMs: 2_000, random });
  let index = 0n;
  let fresh = true;
  let away = false;
  while (!signal.aborted) {
    try {
      const found = await agent.healthy(service, { index, waitMs: WAIT_MS }, signal);
      if (away) log.info({ registry: agent.address, service }, 'registry is back');
      const back = found.index < index;
      const instances = found.entries
        .map((entry) => toInstance(entry, capability))
        .filter((each) => each !== undefined);
      options.onList(instances, fresh || back);
      index = back ? 0n : found.index;
      fresh = back;
      away = false;
      backoff.reset();
      await sleep(clock, SPACING_MS * (0.5 + random()), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!away)
        log.warn(
          { registry: agent.address, service, err: error },
          'registry away; going on with the last known instances',
        );
      index = 0n;
      fresh = true;
      away = true;
      await sleep(clock, backoff.next(), signal).catch(() => {});
    }
  }
}
