/**
 * The embedded registry: plexus.v1.Registry, kept in memory by the process behind `npm start` where there is no Consul. An
 * instance is known while its Announce stream is open and healthy while its own health check answers SERVING. A process that
 * dies takes its stream with it and leaves at once; one that hangs is found by the probe.
 */
import { type Clock, systemClock } from '../../chassis/clock.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import { implement, type ServiceBinding } from '../../chassis/implement.js';
import { type Logger, silentLogger } from '../../chassis/log.js';
import { plainText, type TlsSettings } from '../../chassis/tls.js';
import type { Instance__Output } from '../../protos/gen/plexus/v1/Instance.js';
import type { RegistryHandlers } from '../../protos/gen/plexus/v1/Registry.js';
import { type CreateProbe, type Probe, createProbe as realProbe } from '../probe.js';
import type { Instance } from '../registry.js';
import { fromWire, toWire } from './wire.js';

/** How long an instance stays whose stream ended only because its time was up; its next stream is on the way. */
const RENEW_MS = 5_000;

export interface EmbeddedRegistryServerOptions {
  clock?: Clock;
  log?: Logger;
  /** How instances are probed. Default: plain text. */
  tls?: TlsSettings;
  random?: () => number;
  createProbe?: CreateProbe;
  /** Instances it keeps; the next is refused. Default 10,000. */
  instancesMax?: number;
  /** Watch streams it serves; the next is refused. Default 1,000. */
  watchesMax?: number;
}

export interface EmbeddedRegistryServer {
  readonly binding: ServiceBinding;
  /** Everything announced now, with what its health check says. */
  readonly instances: readonly (Instance & { healthy: boolean })[];
  /** Calls back after every change; returns how to stop. */
  onChange(listener: () => void): () => void;
  /** Ends the probes and the Watch streams. */
  close(): void;
}

interface Entry {
  instance: Instance;
  /** The stream that announced it last; an older stream that ends changes nothing. */
  owner: object;
  probe: Probe;
  cancelRemoval: () => void;
}

export function createEmbeddedRegistryServer(options: EmbeddedRegistryServerOptions = {}): EmbeddedRegistryServer {
  const { clock = systemClock, log = silentLogger, tls = plainText, random = Math.random } = options;
  const { createProbe = realProbe, instancesMax = 10_000, watchesMax = 1_000 } = options;
  const entries = new Map<string, Entry>();
  const listeners = new Set<() => void>();
  let watches = 0;
  let closed = false;
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };

  const put = (instance: Instance, owner: object): void => {
    const { id, address } = instance;
    const before = entries.get(id);
    if (!before && entries.size >= instancesMax) {
      throw new MeshError('OVERLOADED', `the registry knows ${instancesMax} instances, which is its limit`, {
        retryAfterMs: 5_000,
      });
    }
    before?.cancelRemoval();
    const moved = before?.instance.address !== address;
    if (before && moved) {
      log.warn(
        { id, from: before.instance.address, to: address },
        'instance announced from another address; the last one counts',
      );
      before.probe.close();
    }
    const onChange = (state: string): void => {
      log.info({ id, address, state }, 'instance health');
      tell();
    };
    const probe = before && !moved ? before.probe : createProbe({ address, service: '', clock, random, tls, onChange });
    entries.set(id, { instance, owner, probe, cancelRemoval: () => {} });
    tell();
  };

  const remove = (id: string): void => {
    const entry = entries.get(id);
    if (!entry) return;
    entries.delete(id);
    entry.cancelRemoval();
    entry.probe.close();
    log.info({ id }, 'instance left');
    tell();
  };

  const binding = implement<RegistryHandlers>('plexus.v1.Registry', {
    async *Announce(requests, { deadlineMs }) {
      const owner = {};
      const ids = new Set<string>();
      try {
        for await (const { instance } of requests) {
          const checked = checkedInstance(instance);
          put(checked, owner);
          ids.add(checked.id);
          yield {};
        }
      } finally {
        const renewing = clock.now() >= deadlineMs - 1_000;
        for (const id of ids) {
          const entry = entries.get(id);
          if (entry?.owner !== owner) continue;
          if (renewing && !closed) entry.cancelRemoval = clock.after(RENEW_MS, () => remove(id));
          else remove(id);
        }
      }
    },

    async *Watch({ capability }, { signal }) {
      if (watches >= watchesMax) {
        throw new MeshError('OVERLOADED', `the registry is watched by ${watchesMax} callers, which is its limit`, {
          retryAfterMs: 5_000,
        });
      }
      watches++;
      let wake = (): void => {};
      const onEvent = (): void => wake();
      listeners.add(onEvent);
      signal.addEventListener('abort', onEvent, { once: true });
      try {
        let last: string | undefined;
        while (!signal.aborted && !closed) {
          const changed = new Promise<void>((resolve) => {
            wake = resolve;
          });
          const instances = [...entries.values()]
            .filter(({ instance }) => capability === '' || instance.capability === capability)
            .map(({ instance, probe }) => toWire(instance, probe.state));
          const now = JSON.stringify(instances);
          if (now === last) await changed;
          else {
            last = now;
            yield { instances };
          }
        }
      } finally {
        watches--;
        listeners.delete(onEvent);
        signal.removeEventListener('abort', onEvent);
      }
    },
  });

  return {
    binding,
    get instances() {
      return [...entries.values()].map(({ instance, probe }) => ({ ...instance, healthy: probe.state === 'serving' }));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closed = true;
      for (const { probe, cancelRemoval } of entries.values()) {
        cancelRemoval();
        probe.close();
      }
      entries.clear();
      tell();
    },
  };
}

function checkedInstance(instance: Instance__Output | null): Instance {
  if (!instance) throw fieldError('FIELD_REQUIRED', 'instance', 'must be given');
  for (const field of ['id', 'capability', 'address'] as const) {
    if (instance[field] === '') throw fieldError('FIELD_REQUIRED', `instance.${field}`, 'must be given');
    if (instance[field].length > 256)
      throw fieldError('TEXT_TOO_LONG', `instance.${field}`, 'must be at most 256 characters');
  }
  if (instance.models.length > 1_000)
    throw fieldError('TOO_MANY_ITEMS', 'instance.models', 'must have at most 1000 items');
  return fromWire(instance);
}
