/**
 * One record of who is alive: register, deregister, watch. The drivers (consul, embedded, static) are interchangeable and
 * all keep two promises: what was registered stays registered until it is told otherwise, and what was known stays usable
 * while the registry is away.
 */

export type Capability = 'tokenize' | 'embed' | 'classify' | 'summarize' | 'infer';
export const CAPABILITIES: readonly Capability[] = ['tokenize', 'embed', 'classify', 'summarize', 'infer'];
/** Served where somebody brings a model for them: no starter model does. A mesh without them is whole. */
export const OPTIONAL_CAPABILITIES: readonly Capability[] = ['infer'];

/** A process that serves one capability (or the gateway itself, under "gateway"). */
export interface Instance {
  /** Unique in the mesh: "embed-1". */
  id: string;
  capability: string;
  /** "host:port" of its gRPC server, as others reach it. */
  address: string;
  /** Version of Plexus it runs. */
  version: string;
  zone: string;
  /** "name@version" of the models that are ready; the default model first. */
  models: readonly string[];
  /** Share of traffic relative to its siblings, 1 to 100. */
  weight: number;
}

export interface Registration {
  /** Tells the registry that models or weight have changed; resolves when it knows, or when it cannot be reached (then it is told later). */
  update(change: Partial<Pick<Instance, 'models' | 'weight'>>): Promise<void>;
  /** Leaves; resolves when the registry knows, or after its own short limit where it cannot be reached. */
  deregister(): Promise<void>;
}

export interface Watch {
  /** Healthy instances as last known, ordered by id; survives the registry being away. */
  readonly instances: readonly Instance[];
  /** Resolves at the first answer of the registry, or rejects with the signal's reason. */
  ready(signal?: AbortSignal): Promise<void>;
  /** `listener` is called after every change, and once with what is known already. Returns how to stop. */
  onChange(listener: (instances: readonly Instance[]) => void): () => void;
  close(): void;
}

export interface Registry {
  readonly kind: 'consul' | 'embedded' | 'static';
  /**
   * Keeps the instance registered until deregister: registers again where the registry forgot it. Resolves once known, or
   * when the registry cannot be reached (then it goes on trying). Rejects with REGISTRY_UNAVAILABLE where it refuses the token.
   */
  register(instance: Instance): Promise<Registration>;
  /** Healthy instances of a capability; "" for all. */
  watch(capability: string): Watch;
  /** Ends every watch and forgets every registration without deregistering; deregister first. */
  close(): Promise<void>;
}
