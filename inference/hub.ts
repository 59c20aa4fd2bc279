/**
 * The models of one process, versions side by side: load -> warm -> ready -> unload, behind leases, so that a version that is
 * being replaced finishes what it has begun. Knows nothing of what a model does: `open` says that.
 */
import { type Clock, systemClock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';
import {
  type Manifest,
  type ModelReference,
  parseReference,
  type Repository,
  type StoredModel,
} from '../models/index.js';
import { aliasUnknown, modelUnknown, notReady, stillStarting, unnamed, versionUnknown, wrongTask } from './refusal.js';
import type { SchedulerStats } from './tally.js';

/** A model in memory, whatever its kind. */
export interface Running {
  readonly manifest: Manifest;
  /** Runs a small synthetic input; the model is ready once this resolves. */
  warmUp(signal: AbortSignal): Promise<void>;
  stats(): RunningStats;
  /** Frees everything. Called once, when no lease is left. */
  close(): Promise<void>;
}

/** What a model has done since it was loaded, and what it holds now. */
export interface RunningStats extends SchedulerStats {
  tokenizeNs: number;
  queueLength: number;
  queueTokens: number;
  memoryBytes: number;
  generatedTokens: number;
}

export interface Lease<M extends Running> {
  readonly model: M;
  /** Give it back; calling twice is harmless. */
  release(): void;
}

export type HubState =
  | { at: 'available' }
  | { at: 'loading'; sinceMs: number }
  | { at: 'ready'; sinceMs: number }
  | { at: 'unloading'; sinceMs: number }
  | { at: 'failed'; reason: string };

export interface HubEntry {
  manifest: Manifest;
  state: HubState;
  isDefault: boolean;
  aliases: readonly string[];
  stats: RunningStats | undefined;
}

export interface Hub<M extends Running> {
  /** Finds, verifies, opens and warms a version; resolves when ready. Loading what is ready is harmless; two loads of one version are one. */
  load(reference: string): Promise<HubEntry>;
  /** Waits for leases to come back, then closes. */
  unload(reference: string): Promise<HubEntry>;
  /** The model a request means ("" = default). Throws MODEL_REFERENCE_INVALID, MODEL_UNKNOWN, VERSION_UNKNOWN, ALIAS_UNKNOWN, MODEL_NOT_READY, MODEL_WRONG_TASK; `field` is named in them. */
  lease(reference: string, field?: string): Lease<M>;
  /** What the models in memory have done, without asking the repository. */
  stats(): readonly RunningStats[];
  /** Everything of this hub's tasks in the repository, loaded or not. */
  list(): Promise<readonly HubEntry[]>;
  /** Points `name:alias` at a version that is ready. */
  setAlias(name: string, alias: string, version: string): void;
  /** Called after every change of a state. Returns how to stop. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface HubOptions<M extends Running> {
  repository: Repository;
  /** Tasks whose models this hub may load: a classify service also loads an embedder, for zero-shot. */
  tasks: readonly Manifest['task'][];
  /** Reference that "" means; "" itself where requests must name a model. */
  defaultModel: string;
  open(model: StoredModel): Promise<M>;
  clock?: Clock;
}

/** A version that is, was or may be in memory. */
type Slot<M extends Running> = { stored: StoredModel; aliases: Set<string> } & (
  | { at: 'available' }
  | { at: 'loading'; sinceMs: number; done: Promise<void>; abort: AbortController }
  | { at: 'ready'; sinceMs: number; model: M; leases: number; freed: (() => void) | undefined }
  | { at: 'unloading'; sinceMs: number; done: Promise<void> }
  | { at: 'failed'; reason: string }
);

export function createHub<M extends Running>(options: HubOptions<M>): Hub<M> {
  const { repository, tasks, open, clock = systemClock } = options;
  const defaultReference = parseReference(options.defaultModel, 'default model');
  const slots = new Map<string, Slot<M>>();
  /** The repository as last seen: `lease` must not wait for a disk. Every load and list looks anew. */
  let known: readonly StoredModel[] = [];
  let looked = false;
  const listeners = new Set<() => void>();
  let closed = false;

  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  /** Moves a version to another state, keeping what belongs to the version. */
  function move(key: string, state: DistributiveOmit<Slot<M>, 'stored' | 'aliases'>): void {
    const { stored, aliases } = slots.get(key) as Slot<M>;
    slots.set(key, { stored, aliases, ...state } as Slot<M>);
    changed();
  }

  async function look(): Promise<void> {
    const found = await repository.list();
    const keys = new Set(found.map(({ manifest }) => keyOf(manifest)));
    // A version whose folder has vanished serves on until it is unloaded.
    const vanished = [...slots].filter(([key, { at }]) => at !== 'available' && !keys.has(key));
    known = [...found, ...vanished.map(([, { stored }]) => stored)];
    looked = true;
  }

  async function bring(key: string, stored: StoredModel, signal: AbortSignal): Promise<void> {
    let model: M | undefined;
    try {
      await repository.verify(stored);
      model = await open(stored);
      await model.warmUp(signal);
      if (signal.aborted) throw signal.reason;
      move(key, { at: 'ready', sinceMs: clock.now(), model, leases: 0, freed: undefined });
    } catch (error) {
      await model?.close();
      const reason =
        error instanceof MeshError ? error.message : 'it could not be opened; the log of the process says why';
      move(key, { at: 'failed', reason });
      throw error instanceof MeshError
        ? error
        : new MeshError('MODEL_FAILED', `${key} could not be loaded: ${reason}`, { cause: error });
    }
  }

  async function load(reference: string): Promise<HubEntry> {
    if (closed) throw new MeshError('SHUTTING_DOWN', 'this process is closing its models', { retryAfterMs: 100 });
    await look();
    const parsed = parseReference(reference);
    const wanted = parsed.name === '' ? defaultReference : parsed;
    // An alias lives in this hub only; the repository knows names and versions, and says best why one cannot be had.
    const stored = wanted.alias === undefined ? await repository.find(wanted) : choose(wanted, 'model').stored;
    if (!mine(stored)) throw wrongTask(stored.manifest, tasks, 'model');
    const key = keyOf(stored.manifest);
    for (;;) {
      const slot = slots.get(key);
      if (slot?.at === 'ready') break;
      if (slot?.at === 'unloading') {
        await slot.done;
        continue;
      }
      if (slot?.at === 'loading') {
        await slot.done;
        break;
      }
      slots.set(key, { stored, aliases: slot?.aliases ?? new Set(), at: 'available' });
      const abort = new AbortController();
      const done = Promise.resolve().then(() => bring(key, stored, abort.signal)); // after the move to `loading`
      move(key, { at: 'loading', sinceMs: clock.now(), done, abort });
      await done;
      break;
    }
    return describe(stored);
  }

  async function unload(reference: string): Promise<HubEntry> {
    const parsed = parseReference(reference);
    await look();
    const { stored } = choose(parsed, 'model');
    const key = keyOf(stored.manifest);
    const slot = slots.get(key);
    if (slot?.at === 'loading') {
      slot.abort.abort(new MeshError('MODEL_NOT_READY', `${key} was unloaded while it was loading`));
      await slot.done.catch(() => {}); // its own caller hears of it
    }
    const now = slots.get(key);
    if (now?.at === 'unloading') await now.done;
    else if (now?.at === 'ready') {
      await retire(key, now);
    } else if (now) move(key, { at: 'available' });
    return describe(stored);
  }

  /** No new leases; waits for those there are, closes the model, forgets its aliases. */
  function retire(key: string, slot: Extract<Slot<M>, { at: 'ready' }>): Promise<void> {
    const freed = slot.leases === 0 ? Promise.resolve() : new Promise<void>((resolve) => (slot.freed = resolve));
    const done = freed
      .then(() => slot.model.close())
      .finally(() => {
        slot.aliases.clear();
        move(key, { at: 'available' });
      });
    move(key, { at: 'unloading', sinceMs: clock.now(), done });
    return done;
  }

  /**
   * The version a reference means, loaded or not. Without a version: what `stable` points at, else the newest that is ready, else
   * one that is on its way, else the newest. Versions come newest first.
   */
  function choose(reference: ModelReference, field: string): { stored: StoredModel; siblings: readonly Slot<M>[] } {
    const { name, version, alias } = reference.name === '' ? defaultReference : reference;
    if (name === '') throw unnamed(known.filter(mine), field);
    const versions = known.filter(({ manifest }) => manifest.name === name);
    const [newest] = versions;
    if (!newest) throw modelUnknown(name, known.filter(mine), field);
    if (!versions.some(mine)) throw wrongTask(newest.manifest, tasks, field);
    const siblings = versions.flatMap(({ manifest }) => slots.get(keyOf(manifest)) ?? []);
    if (version !== undefined) {
      const stored = versions.find(({ manifest }) => manifest.version === version);
      if (!stored) throw versionUnknown(name, version, versions, field);
      return { stored, siblings };
    }
    if (alias !== undefined) {
      const slot = siblings.find(({ aliases }) => aliases.has(alias));
      if (!slot)
        throw aliasUnknown(
          name,
          alias,
          siblings.flatMap(({ aliases }) => [...aliases]),
          field,
        );
      return { stored: slot.stored, siblings };
    }
    const slot =
      siblings.find(({ at, aliases }) => at === 'ready' && aliases.has('stable')) ??
      siblings.find(({ at }) => at === 'ready') ??
      siblings.find(({ at }) => at !== 'available');
    return { stored: slot?.stored ?? newest, siblings };
  }

  function mine({ manifest }: StoredModel): boolean {
    return tasks.includes(manifest.task);
  }

  function describe({ manifest }: StoredModel): HubEntry {
    const slot = slots.get(keyOf(manifest));
    return {
      manifest: slot?.at === 'ready' ? slot.model.manifest : manifest, // it may run other weights of its folder
      state: stateOf(slot),
      isDefault: isDefault(manifest),
      aliases: [...(slot?.aliases ?? [])],
      stats: slot?.at === 'ready' ? slot.model.stats() : undefined,
    };
  }

  function isDefault(manifest: Manifest): boolean {
    try {
      return keyOf(choose(defaultReference, 'model').stored.manifest) === keyOf(manifest);
    } catch {
      return false; // The default is not in the repository: nothing is.
    }
  }

  return {
    load,
    unload,
    lease(reference, field = 'model') {
      const parsed = parseReference(reference, field);
      if (!looked) throw stillStarting();
      const { stored, siblings } = choose(parsed, field);
      const slot = slots.get(keyOf(stored.manifest));
      if (slot?.at !== 'ready') {
        const ready = siblings.filter(({ at }) => at === 'ready').map((each) => each.stored.manifest.version);
        throw notReady(stored.manifest, stateOf(slot), ready);
      }
      slot.leases++;
      let held = true;
      return {
        model: slot.model,
        release() {
          if (!held) return;
          held = false;
          slot.leases--;
          if (slot.leases === 0) slot.freed?.();
        },
      };
    },
    stats: () => [...slots.values()].flatMap((slot) => (slot.at === 'ready' ? [slot.model.stats()] : [])),
    async list() {
      await look();
      return known.filter(mine).map(describe);
    },
    setAlias(name, alias, version) {
      parseReference(`${name}:${alias}`);
      const { stored } = choose({ name, version }, 'version');
      const slot = slots.get(keyOf(stored.manifest));
      if (slot?.at !== 'ready') throw notReady(stored.manifest, stateOf(slot), []);
      for (const each of slots.values()) if (each.stored.manifest.name === name) each.aliases.delete(alias);
      slot.aliases.add(alias);
      changed();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      const ends = [...slots.values()].map(async (slot) => {
        const key = keyOf(slot.stored.manifest);
        if (slot.at === 'loading') {
          slot.abort.abort(new MeshError('SHUTTING_DOWN', 'this process is closing its models'));
          await slot.done.catch(() => {}); // its own caller hears of it
        }
        const now = slots.get(key);
        if (now?.at === 'unloading') await now.done;
        if (now?.at === 'ready') await retire(key, now);
      });
      await Promise.all(ends);
    },
  };
}

/** Omit, for each member of a union on its own. */
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function keyOf({ name, version }: Manifest): string {
  return `${name}@${version}`;
}

function stateOf<M extends Running>(slot: Slot<M> | undefined): HubState {
  switch (slot?.at) {
    case 'loading':
    case 'ready':
    case 'unloading':
      return { at: slot.at, sinceMs: slot.sinceMs };
    case 'failed':
      return { at: 'failed', reason: slot.reason };
    default:
      return { at: 'available' };
  }
}
