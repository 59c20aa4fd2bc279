/**
 * What a watch knows: the last list of the registry, plus instances that it stopped naming without good reason. A list that is
 * suddenly empty, or the first after the registry was away or restarted, is not believed about those it leaves out: each is
 * kept while its own health check answers, up to a grace period. This is what keeps calls going while a registry is empty,
 * half filled or mistaken. Everything else a list says is believed at once.
 */
import { type Clock, systemClock } from '../chassis/clock.js';
import type { TlsSettings } from '../chassis/tls.js';
import { type CreateProbe, type Probe, createProbe as realProbe } from './probe.js';
import { CAPABILITIES, type Instance, type Watch } from './registry.js';

export interface RosterOptions {
  clock?: Clock;
  random?: () => number;
  tls: TlsSettings;
  /** How long an instance is kept that the registry no longer names but whose health check answers. */
  graceMs: number;
  createProbe?: CreateProbe;
  /** Called once, when the watch is closed. */
  onClose?: () => void;
}

export interface Roster {
  readonly watch: Watch;
  /**
   * The healthy instances the registry names. `fresh` on the first list after a start, a failure or a restart of the
   * registry: it may not have heard of everybody yet.
   */
  believe(instances: readonly Instance[], fresh: boolean): void;
}

interface Doubt {
  readonly instance: Instance;
  readonly probe: Probe;
  readonly cancelGrace: () => void;
}

export function createRoster(options: RosterOptions): Roster {
  const { clock = systemClock, random = Math.random, createProbe = realProbe } = options;
  const listeners = new Set<(instances: readonly Instance[]) => void>();
  const doubts = new Map<string, Doubt>();
  let named: readonly Instance[] = [];
  let known: readonly Instance[] = [];
  let closed = false;
  let answered = (): void => {};
  const firstAnswer = new Promise<void>((resolve) => {
    answered = resolve;
  });

  const publish = (): void => {
    const next = [...named, ...[...doubts.values()].map(({ instance }) => instance)].sort(byId);
    if (same(known, next)) return;
    known = Object.freeze(next);
    for (const listener of [...listeners]) listener(known);
  };

  const settle = (id: string): void => {
    const doubt = doubts.get(id);
    if (!doubt) return;
    doubts.delete(id);
    doubt.cancelGrace();
    doubt.probe.close();
  };

  const leave = (id: string): void => {
    settle(id);
    publish();
  };

  const doubtful = (instance: Instance): void => {
    const { id, address } = instance;
    const probe = createProbe({
      address,
      service: healthName(instance.capability),
      clock,
      random,
      tls: options.tls,
      onChange: (state) => {
        if (state === 'away') leave(id);
      },
    });
    doubts.set(id, { instance, probe, cancelGrace: clock.after(options.graceMs, () => leave(id)) });
  };

  const watch: Watch = {
    get instances() {
      return known;
    },
    ready: (signal) => orAborted(firstAnswer, signal),
    onChange(listener) {
      listeners.add(listener);
      listener(known);
      return () => listeners.delete(listener);
    },
    close() {
      if (closed) return;
      closed = true;
      listeners.clear();
      for (const id of [...doubts.keys()]) settle(id);
      answered();
      options.onClose?.();
    },
  };

  return {
    watch,
    believe(instances, fresh) {
      if (closed) return;
      const ids = new Set(instances.map(({ id }) => id));
      const capabilities = new Set(instances.map(({ capability }) => capability));
      const missing = named.filter(({ id }) => !ids.has(id));
      named = instances.map((instance) => Object.freeze({ ...instance }));
      for (const id of ids) settle(id);
      for (const instance of missing) if (fresh || !capabilities.has(instance.capability)) doubtful(instance);
      publish();
      answered();
    },
  };
}

/** A doubted address may belong to somebody else by now: ask for the service it is known for. */
function healthName(capability: string): string {
  const known = CAPABILITIES.find((each) => each === capability);
  return known ? `plexus.v1.${known.charAt(0).toUpperCase()}${known.slice(1)}` : '';
}

function byId(a: Instance, b: Instance): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function same(a: readonly Instance[], b: readonly Instance[]): boolean {
  return a.length === b.length && a.every((instance, index) => sameInstance(instance, b[index] as Instance));
}

/** True where nothing that callers can see differs. Registries announce changes that are none. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a.id === b.id &&
    a.capability === b.capability &&
    a.address === b.address &&
    a.version === b.version &&
    a.zone === b.zone &&
    a.weight === b.weight &&
    a.models.length === b.models.length &&
    a.models.every((model, index) => model === b.models[index])
  );
}

function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
