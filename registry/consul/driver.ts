/** The Consul driver: token checked at the start, registration in announce.ts, discovery in discover.ts. */
import { type Clock, systemClock } from '../../chassis/clock.js';
import { type Logger, silentLogger } from '../../chassis/log.js';
import { plainText, type TlsSettings } from '../../chassis/tls.js';
import type { CreateProbe } from '../probe.js';
import { CAPABILITIES, type Instance, type Registry } from '../registry.js';
import { createRoster, type Roster } from '../roster.js';
import { createConsulAgent, isRefused } from './agent.js';
import { announce } from './announce.js';
import { follow } from './discover.js';
import { createFeeds } from './feeds.js';
import type { ConsulSettings } from './settings.js';

export interface ConsulRegistryOptions {
  settings: ConsulSettings;
  /** See registry/settings.ts. */
  graceMs: number;
  tls?: TlsSettings;
  clock?: Clock;
  log?: Logger;
  random?: () => number;
  createProbe?: CreateProbe;
}

/** What watch("") follows. */
const ALL = [...CAPABILITIES, 'gateway'];
const START_MS = 5_000;

/** Rejects with REGISTRY_UNAVAILABLE where the agent refuses the token; an agent that is away is tried on. */
export async function openConsulRegistry(options: ConsulRegistryOptions): Promise<Registry> {
  const { settings, graceMs, createProbe } = options;
  const { tls = plainText, clock = systemClock, log = silentLogger, random = Math.random } = options;
  const agent = createConsulAgent(settings);
  const closed = new AbortController();
  const rosters = new Set<Roster>();
  const feeds = createFeeds((name, onList, signal) => {
    const service = `${settings.consulPrefix}${name}`;
    void follow({ agent, service, capability: name, clock, random, log, onList }, signal); // never rejects
  });
  try {
    await agent.checkToken(AbortSignal.timeout(START_MS));
  } catch (error) {
    if (isRefused(error)) {
      agent.close();
      throw error;
    }
    log.warn({ registry: agent.address, err: error }, 'registry away at the start; trying on');
  }

  return {
    kind: 'consul',
    register: (instance) => announce(instance, { agent, settings, tls, clock, random, log, closed: closed.signal }),
    watch(capability) {
      const stop = new AbortController();
      const onClose = (): void => {
        rosters.delete(roster);
        stop.abort(new Error('the watch was closed'));
      };
      const roster = createRoster({ clock, random, tls, graceMs, onClose, ...(createProbe && { createProbe }) });
      rosters.add(roster);
      if (closed.signal.aborted) {
        roster.watch.close();
        return roster.watch;
      }
      const lists = new Map<string, readonly Instance[]>();
      const names = capability === '' ? ALL : [capability];
      const stops = names.map((name) =>
        feeds.follow(name, (instances, fresh) => {
          lists.set(name, instances);
          if (lists.size === names.length) roster.believe([...lists.values()].flat(), fresh);
        }),
      );
      stop.signal.addEventListener('abort', () => {
        for (const each of stops) each();
      });
      return roster.watch;
    },
    async close() {
      closed.abort(new Error('the registry was closed'));
      for (const roster of [...rosters]) roster.watch.close();
      agent.close();
    },
  };
}
