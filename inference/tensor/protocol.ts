/** What the RPC thread and the worker thread of a tensor model say to each other. */
import type { SessionStart } from '../session.js';
import type { ElementType } from './element.js';
import type { Signature } from './signature.js';

/** How the worker is started. */
export interface TensorWorkerStart extends SessionStart {
  /** How far the thread stands back behind the one that serves RPC: 0 to 19. */
  nice: number;
  /** Calls may be run together, joined along the first axis. */
  batchable: boolean;
  /** Bytes the outputs of one call may have. */
  outputBytesMax: number;
  /** Calls it runs with zeros before it is ready: of each the dimensions of every input, in the order of the graph. */
  warm: readonly (readonly (readonly number[])[])[];
}

/** Calls that share a batch. */
export interface TensorJob {
  calls: readonly PackedCall[];
}

/** The tensors of a call: numbers in one shared memory, which a retry finds unharmed; strings as they are. */
export interface PackedCall {
  memory: SharedArrayBuffer;
  inputs: readonly PackedTensor[];
  /** Names of the outputs that are wanted. */
  outputs: readonly string[];
}

export interface PackedTensor {
  name: string;
  type: ElementType;
  dims: readonly number[];
  /** Where it lies in the memory; divisible by 8. */
  at: number;
  bytes: number;
  /** Present for strings only. */
  strings?: readonly string[];
}

/** An output of a call: a view of what was transferred, or strings. */
export interface OutputTensor {
  name: string;
  type: ElementType;
  dims: readonly number[];
  data: Uint8Array | readonly string[];
}

/** Per call: its outputs, or why there are none. `refused` is safe to show. */
export type CallAnswer = { outputs: OutputTensor[]; rows: number } | { refused: string } | { tooLarge: number };

export interface TensorAnswer {
  calls: CallAnswer[];
  /** Inside session.run. */
  computeMs: number;
  /** Runs of the session: 1 where all calls were joined. */
  runs: number;
}

export type TensorReady = Signature;
