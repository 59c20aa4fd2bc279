/** What the RPC thread and the worker thread of a generator say to each other: plain data. */
import type { EngineEvent, EngineLimits, EngineStats } from './engine.js';
import type { Resolved } from './parameters.js';
import type { Caller } from './waiting.js';

/** How a worker is started. */
export interface GenerateStart {
  /** Absolute path of the model's folder. */
  folder: string;
  /** manifest.precision. */
  precision: string;
  seq2seq: boolean;
  /** First token of an encoder-decoder's decoder. */
  startId: number;
  padId: number;
  /** intraOpNumThreads of the sessions. */
  threads: number;
  limits: EngineLimits;
}

/** What the files turned out to be. */
export interface GenerateShape {
  /** 0 where the session does not say. */
  vocabSize: number;
  /** True where sequences of different age share a step. */
  ragged: boolean;
  /** "encoder-decoder, merged decoder". */
  description: string;
}

export interface SubmitJob extends Caller {
  id: number;
  input: Int32Array;
  given: Resolved;
  stream: boolean;
}

export type ToGenerator =
  | { at: 'submit'; job: SubmitJob }
  | { at: 'cancel'; id: number }
  /** End the thread, from inside: ending it from outside while onnxruntime runs would end the whole process. */
  | { at: 'leave' };

export type FromGenerator =
  | { at: 'ready'; shape: GenerateShape }
  /** The files cannot be run; `reason` is safe to show, `detail` is for the log. */
  | { at: 'refused'; reason: string; detail: string }
  /** What happened in one turn of the engine. */
  | { at: 'events'; events: EngineEvent[] }
  /** Once a second while there is work, whatever else is said: the sign of life. */
  | { at: 'alive'; stats: EngineStats };
