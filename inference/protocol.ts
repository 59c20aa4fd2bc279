/** What the RPC thread and a worker thread say to each other: plain data, its big arrays transferred rather than copied. */
import type { Pooling } from '../models/index.js';

/** How a worker is started. */
export interface WorkerStart {
  /** Absolute path of the .onnx file. */
  file: string;
  /** intraOpNumThreads of the session. */
  threads: number;
  /** Longest row the model takes; the worker warms up with it. */
  tokensMax: number;
  /** What is wanted of the model. */
  want: 'vectors' | 'logits';
}

/** What the session turned out to be. */
export interface ModelShape {
  /** What a row gives: token vectors to be pooled, a vector the model pooled itself, or logits. */
  output: 'hidden' | 'sentence' | 'logits';
  /** Numbers of a vector, or labels. */
  width: number;
  /** True where the model reads token_type_ids. */
  typed: boolean;
}

/** A batch. Rows stand one after the other without padding; the worker pads. */
export interface BatchJob {
  /** Tokens of each row. */
  lengths: Uint32Array;
  ids: Int32Array;
  /** Empty where no row has any: all are 0. */
  typeIds: Uint8Array;
  /** One a row; not read for logits. */
  poolings: readonly Pooling[];
  /** Numbers kept of each row's vector; not read for logits. */
  dimensions: Uint32Array;
  /** 1 where the row is scaled to length 1. */
  normalize: Uint8Array;
}

export interface BatchAnswer {
  /** Rows one after the other, each as long as its `dimensions`, or as the model's width for logits. */
  output: Float32Array;
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
