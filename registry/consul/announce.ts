/**
 * Registration: put once, then looked at every two seconds, since an agent that is restarted without its disk has forgotten it
 * and will not say so. What differs from what was put is put again; a check that exists keeps its state (measured on 1.8.7).
 */
import { type Clock, sleep } from '../../chassis/clock.js';
import type { Logger } from '../../chassis/log.js';
import { createBackoff } from '../backoff.js';
import type { Instance, Registration } from '../registry.js';
import { type AgentService, type ConsulAgent, isRefused } from './agent.js';
import { type DefinitionOptions, type ServiceDefinition, toDefinition } from './entry.js';

export interface AnnounceOptions extends Omit<DefinitionOptions, 'agentVersion'> {
  agent: ConsulAgent;
  clock: Clock;
  random: () => number;
  log: Logger;
  closed: AbortSignal;
}

/** Between two looks at what the agent has. */
const LOOK_MS = 2_000;
/** How long deregister tries before it leaves the rest to the health check. */
const LEAVE_MS = 2_000;

export async function announce(given: Instance, options: AnnounceOptions): Promise<Registration> {
  const { agent, clock, random, log, closed } = options;
  const backoff = createBackoff({ firstMs: 200, maxMs: 2_000, random });
  const gone = new AbortController();
  const onClosed = (): void => gone.abort(closed.reason);
  closed.addEventListener('abort', onClosed, { once: true });
  let instance = given;
  let agentVersion: { version: string | undefined } | undefined;
  let away = false;
  let wake = new AbortController();
  /** Puts are one after the other, so that an update is never overtaken by the look before it. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = turn.then(run);
    turn = result.catch(() => {});
    return result;
  };

  const definition = async (): Promise<ServiceDefinition> => {
    agentVersion ??= await agent.info(gone.signal);
    return toDefinition(instance, { ...options, agentVersion: agentVersion.version });
  };
  const put = (): Promise<void> => inTurn(async () => agent.register(await definition(), gone.signal));
  const look = (): Promise<void> =>
    inTurn(async () => {
      const wanted = await definition();
      const found = await agent.service(wanted.ID, gone.signal);
      if (found && fits(found, wanted)) return;
      log.warn(
        { registry: agent.address, id: instance.id },
        'the registry has forgotten or changed this instance; registering again',
      );
      await agent.register(wanted, gone.signal);
    });
  const failed = (error: unknown): void => {
    if (!away && !gone.signal.aborted)
      log.warn({ registry: agent.address, id: instance.id, err: error }, 'not registered; trying again');
    away = true;
    agentVersion = undefined; // what comes back may be another version
  };

  try {
    await put();
  } catch (error) {
    if (isRefused(error)) {
      closed.removeEventListener('abort', onClosed);
      throw error;
    }
    failed(error);
  }

  const run = async (): Promise<void> => {
    while (!gone.signal.aborted) {
      const waitMs = away ? backoff.next() : LOOK_MS * (0.75 + random() / 2);
      await sleep(clock, waitMs, AbortSignal.any([gone.signal, wake.signal])).catch(() => {});
      if (gone.signal.aborted) break;
      wake = new AbortController();
      try {
        await look();
        if (away) log.info({ registry: agent.address, id: instance.id }, 'registered again');
        away = false;
        backoff.reset();
      } catch (error) {
        failed(error);
      }
    }
    closed.removeEventListener('abort', onClosed);
  };
  void run(); // never rejects; ends with deregister or close

  return {
    async update(change) {
      instance = { ...instance, ...change };
      await put().catch(failed); // told again by the next look
    },
    async deregister() {
      gone.abort(new Error('deregistered'));
      await turn;
      const limit = AbortSignal.timeout(LEAVE_MS);
      const { ID } = toDefinition(instance, { ...options, agentVersion: undefined });
      await agent.deregister(ID, limit).catch((error: unknown) => {
        log.warn(
          { registry: agent.address, id: instance.id, err: error },
          'could not deregister; the health check will tell',
        );
      });
    },
  };
}

function fits(found: AgentService, wanted: ServiceDefinition): boolean {
  const meta = found.Meta ?? {};
  const keys = Object.keys(wanted.Meta);
  return (
    found.Address === wanted.Address &&
    found.Port === wanted.Port &&
    keys.length === Object.keys(meta).length &&
    keys.every((key) => meta[key] === wanted.Meta[key])
  );
}
