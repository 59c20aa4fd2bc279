/**
 * A fixed list of addresses from PLEXUS_INSTANCES, for a mesh that has no registry. Their health is watched directly, so that
 * dead ones leave; where none of a capability answers all of it are kept, since the fault may be on this side. Models,
 * versions and zones are not known here and stay empty.
 */
import { type Clock, systemClock } from '../chassis/clock.js';
import type { TlsSettings } from '../chassis/tls.js';
import { type CreateProbe, type Probe, createProbe as realProbe } from './probe.js';
import type { Instance, Registry } from './registry.js';
import { createRoster, type Roster } from './roster.js';

/** Addresses one list may name; each costs a connection. */
export const STATIC_INSTANCES_MAX = 1_000;

export interface StaticRegistryOptions {
  instances: readonly Instance[];
  tls: TlsSettings;
  clock?: Clock;
  random?: () => number;
  createProbe?: CreateProbe;
}

export function createStaticRegistry(options: StaticRegistryOptions): Registry {
  const { instances, tls, clock = systemClock, random = Math.random, createProbe = realProbe } = options;
  const rosters = new Map<Roster, string>();
  const probes = new Map<string, Probe>();
  let closed = false;

  const usable = (): Instance[] => {
    const answering = instances.filter(({ id }) => probes.get(id)?.state !== 'away');
    const capabilities = new Set(answering.map(({ capability }) => capability));
    return [...answering, ...instances.filter(({ capability }) => !capabilities.has(capability))];
  };
  const tell = (roster: Roster, capability: string): void =>
    roster.believe(
      usable().filter((instance) => capability === '' || instance.capability === capability),
      false,
    );
  const startProbes = (): void => {
    for (const { id, address } of instances) {
      if (probes.has(id)) continue;
      const onChange = (): void => {
        for (const [roster, capability] of rosters) tell(roster, capability);
      };
      probes.set(id, createProbe({ address, service: '', clock, random, tls, onChange }));
    }
  };

  return {
    kind: 'static',
    register: async () => ({ update: async () => {}, deregister: async () => {} }), // the list is what it is
    watch(capability) {
      const roster = createRoster({
        clock,
        random,
        tls,
        createProbe,
        graceMs: 0,
        onClose: () => rosters.delete(roster),
      });
      if (closed) {
        roster.watch.close();
        return roster.watch;
      }
      rosters.set(roster, capability);
      startProbes(); // a process that only registers opens no connection
      tell(roster, capability);
      return roster.watch;
    },
    async close() {
      closed = true;
      for (const roster of [...rosters.keys()]) roster.watch.close();
      for (const probe of probes.values()) probe.close();
    },
  };
}

/** "embed=host:port,host:port;classify=host:port" -> instances "embed-1", "embed-2", "classify-1". Throws an Error that says what is wrong. */
export function parseInstances(text: string): Instance[] {
  const found: Instance[] = [];
  for (const group of split(text, ';')) {
    const equals = group.indexOf('=');
    const capability = group.slice(0, equals).trim();
    if (equals < 0 || !/^[a-z][a-z0-9-]*$/.test(capability)) {
      throw new Error(`PLEXUS_INSTANCES: "${group}" is not capability=host:port,host:port`);
    }
    for (const address of split(group.slice(equals + 1), ',')) {
      if (!isAddress(address)) throw new Error(`PLEXUS_INSTANCES: "${address}" is not host:port`);
      const number = found.filter((each) => each.capability === capability).length + 1;
      found.push({ id: `${capability}-${number}`, capability, address, version: '', zone: '', models: [], weight: 1 });
    }
  }
  if (found.length === 0)
    throw new Error('PLEXUS_INSTANCES names no instance; write "embed=host:port,host:port;classify=host:port"');
  if (found.length > STATIC_INSTANCES_MAX) {
    throw new Error(`PLEXUS_INSTANCES names ${found.length} instances; the limit is ${STATIC_INSTANCES_MAX}`);
  }
  return found;
}

function split(text: string, by: string): string[] {
  return text
    .split(by)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function isAddress(text: string): boolean {
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  return /^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d+$/.test(text) && port >= 1 && port <= 65_535;
}
