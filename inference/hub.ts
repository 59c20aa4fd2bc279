/**
 * The models of one process, versions side by side: load -> warm -> ready -> unload, behind leases, so that a version that is
 * being replaced finishes what it has begun. Knows nothing of what a model does: `open` says that.
 */
import type { Manifest, StoredModel } from '../models/index.js';

/** A model in memory, whatever its kind. */
export interface Running {
  readonly manifest: Manifest;
  /** Runs a small synthetic input; the model is ready once this resolves. */
  warmUp(signal: AbortSignal): Promise<void>;
  stats(): RunningStats;
  /** Frees everything. Called once, when no lease is left. */
  close(): Promise<void>;
}

/** Counters since the model was loaded; times in nanoseconds. */
export interface RunningStats {
  requests: number;
  texts: number;
  tokens: number;
  failures: number;
  dropped: number;
  batches: number;
  paddedTokens: number;
  tokenizeNs: number;
  queueNs: number;
  computeNs: number;
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
  /** Everything of this hub's tasks in the repository, loaded or not. */
  list(): Promise<readonly HubEntry[]>;
  /** Points `name:alias` at a version that is ready. */
  setAlias(name: string, alias: string, version: string): void;
  /** Called after every change of a state. Returns how to stop. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface HubOptions<M extends Running> {
  repository: import('../models/index.js').Repository;
  /** Tasks whose models this hub may load: a classify service also loads an embedder, for zero-shot. */
  tasks: readonly Manifest['task'][];
  /** Reference that "" means. */
  defaultModel: string;
  open(model: StoredModel): Promise<M>;
}
