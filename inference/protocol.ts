/** What the RPC thread and a worker thread say to each other: plain data, its big arrays transferred rather than copied. */
import type { Pooling } from '../models/index.js';
import type { SessionStart } from './session.js';
import type { WarmShape } from './shapes.js';
import type { SparseOptions } from './sparse.js';

/** How a worker is started. */
export interface WorkerStart extends SessionStart {
  /** How far the thread stands back behind the one that serves RPC: 0 to 19. */
  nice: number;
  /** Batches it runs before it is ready, so that memory has grown to what they need before anybody waits. */
  warm: readonly WarmShape[];
  /** What is wanted of the model: vectors, scores of a text's labels, or scores of each token's labels (or vocabulary). */
  want: 'vectors' | 'logits' | 'token-logits';
  /** Numbers of a vector of a token, as the manifest has them; 0 where it is not vectors that are wanted. */
  width: number;
}

/** What the session turned out to be. */
export interface ModelShape {
  /** What a row gives: token vectors to be pooled, a vector the model pooled itself, logits of the text, or of each token. */
  output: 'hidden' | 'sentence' | 'logits' | 'token-logits';
  /** Numbers of a vector, or labels, or of the vocabulary. */
  width: number;
  /** True where the model reads token_type_ids. */
  typed: boolean;
}

/** What the worker makes of a row before it crosses. Rows of one request share one object, which crosses once. */
export type Reduction =
  | {
      kind: 'pool';
      pooling: Pooling;
      normalize: boolean;
      /** Numbers kept. */
      dimensions: number;
      /** Leading tokens that are not pooled. */
      skip: number;
    }
  /** A vector (or logits) a token, one after the other; normalized each on its own. */
  | { kind: 'tokens'; normalize: boolean; dimensions: number }
  | ({ kind: 'sparse' } & SparseOptions)
  | { kind: 'logits' };

/** A batch. Rows stand one after the other without padding; the worker pads. */
export interface BatchJob {
  /** Tokens of each row. */
  lengths: Uint32Array;
  ids: Int32Array;
  /** Empty where no row has any: all are 0. */
  typeIds: Uint8Array;
  /** One a row. */
  reductions: readonly Reduction[];
}

export interface BatchAnswer {
  /** Rows one after the other. */
  output: Float32Array;
  /** Numbers of each row. */
  sizes: Uint32Array;
  /** Inside session.run. */
  computeMs: number;
}

export type ToWorker<Job> = { job: number; body: Job };

export type FromWorker<Ready, Answer> =
  | { at: 'ready'; body: Ready }
  /** The worker cannot do what it was started for; `reason` is safe to show. */
  | { at: 'refused'; reason: string; detail: string }
  | { at: 'done'; job: number; body: Answer }
  /** The job threw; the worker lives. `reason` is for the log. */
  | { at: 'failed'; job: number; reason: string };
