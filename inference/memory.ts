/**
 * Memory of models, reckoned before they are loaded: a process that takes too much is killed by the system, all its models with it,
 * so a model that does not fit is refused while the others serve on. What a model takes is measured (bench/results/memory.md).
 */
import { totalmem } from 'node:os';
import { MeshError } from '../chassis/errors.js';
import type { Manifest } from '../models/index.js';
import { cgroupLimits } from './cgroup.js';
import type { InferenceSettings } from './settings.js';

const MIB = 2 ** 20;
/** A thread with its heap, an arena for batches of 256 tokens, and what a session holds beside its weights. */
const WORKER_BYTES = 32 * MIB;
/** Of the bytes of its weights, what each worker holds for itself: read and repacked, or mapped by all from one prepared copy. */
const OWN_SHARE = { read: 1.5, mapped: 0.25 } as const;
/** Of the limit; the rest is for requests, answers and the heap. */
const USABLE_SHARE = 0.9;
/** Node and the code, before the first model. */
const PROCESS_BYTES = 96 * MIB;

/** What follows the name of a graph: itself, or the external data that onnxruntime opens from beside it, by all names a pull takes. */
const DATA = /^(?:_data(?:_\d+)?|\.data)?$/;

/** Bytes that `workers` sessions on weights of so many bytes will take; `runBytes`: what a run of each takes beyond the usual. */
export function reckonBytes(weightBytes: number, workers: number, held: keyof typeof OWN_SHARE, runBytes = 0): number {
  const shared = held === 'mapped' ? weightBytes : 0;
  return Math.ceil(shared + workers * (WORKER_BYTES + OWN_SHARE[held] * weightBytes + runBytes));
}

/** Bytes the models of this process may take together; `budget` 0: nine tenths of what the cgroup or the machine has. */
export function memoryBytesMax(budget: number, limit = Math.min(cgroupLimits().memoryBytes, totalmem())): number {
  return budget > 0 ? budget : Math.max(0, limit * USABLE_SHARE - PROCESS_BYTES);
}

export interface Memory {
  /** Bytes of the models that are loaded. */
  readonly takenBytes: number;
  /** Books `bytes` for a model, or throws MEMORY_SHORT. Returns how to give them back; twice is harmless. */
  take(model: string, bytes: number, bytesMax: number): () => void;
}

export function createMemory(): Memory {
  let takenBytes = 0;
  return {
    get takenBytes() {
      return takenBytes;
    },
    take(model, bytes, bytesMax) {
      if (takenBytes + bytes > bytesMax) {
        const free = Math.max(0, bytesMax - takenBytes);
        const text = `${model} needs about ${mib(bytes)} and ${mib(free)} of ${mib(bytesMax)} are left: unload another model, run it with fewer workers (PLEXUS_WORKERS), or allow more memory (the limit of the container, or PLEXUS_MEMORY_BYTES)`;
        throw new MeshError('MEMORY_SHORT', text, { facts: { model } });
      }
      takenBytes += bytes;
      let held = true;
      return () => {
        if (held) takenBytes -= bytes;
        held = false;
      };
    },
  };
}

/** All models of this process. */
export const processMemory = createMemory();

/** Books what `workers` on the weight file `weights` of a model take, or throws MEMORY_SHORT. */
export function takeForWorkers(
  { name, version, files }: Pick<Manifest, 'name' | 'version' | 'files'>,
  weights: string,
  workers: number,
  settings: Pick<InferenceSettings, 'preparedFolder' | 'memoryBytes'>,
  runBytes = 0,
): { bytes: number; giveBack: () => void } {
  const weightBytes = files
    .filter(({ path }) => path.startsWith(weights) && DATA.test(path.slice(weights.length)))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const bytes = reckonBytes(weightBytes, workers, settings.preparedFolder ? 'mapped' : 'read', runBytes);
  return { bytes, giveBack: processMemory.take(`${name}@${version}`, bytes, memoryBytesMax(settings.memoryBytes)) };
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
