/**
 * What a model says of itself: manifest.json beside the weights, in the Hugging Face ONNX folder layout. The schema is checked
 * with errors that name file and field; a folder without a manifest gets an inferred one (infer.ts).
 */

import type { Pooling } from './pooling.js';

/** "infer" is any graph that is called by its own tensors. */
export type Task = 'tokenize' | 'embed' | 'classify' | 'summarize' | 'infer';
export const TASKS: readonly Task[] = ['tokenize', 'embed', 'classify', 'summarize', 'infer'];

export interface ManifestFile {
  /** Relative to the folder, with "/". */
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

export interface Quality {
  metric: string;
  value: number;
  /** Data it was measured on. */
  set: string;
  rows?: number;
  note?: string;
}

export interface Manifest {
  /** Version of this schema. */
  manifest: 1;
  name: string;
  /** Immutable: other files, other version. */
  version: string;
  task: Task;
  /** config.json's model_type: "bert", "t5"; "none" where there are no weights. */
  architecture: string;
  precision: 'fp32' | 'fp16' | 'int8' | 'q4' | 'none';
  /** Every file of the folder except manifest.json, sorted by path. */
  files: ManifestFile[];
  /** "sha256:<hex>" over one line "<sha256>  <path>\n" a file, sorted by path. */
  digest: string;
  /** "sha256:<hex>" of tokenizer.json. */
  tokenizerDigest?: string;
  /** Tokens the model takes, special tokens included. */
  maxTokens: number;
  embed?: {
    pooling: Pooling;
    normalize: boolean;
    /** Of a whole vector; of the vocabulary where `sparse` is given. */
    dimensions: number;
    prompts: Record<string, string>;
    defaultPrompt?: string;
    /** False: a prompt's tokens are read but not pooled. Default true. */
    poolPrompt?: boolean;
    /** Given: the graph has a masked-LM head, and a text becomes weights of the vocabulary (SPLADE) by this rule. */
    sparse?: { pooling: 'max' | 'sum'; activation: 'relu' | 'log1p_relu' };
  };
  classify?: {
    /** In the order of the logits. */
    labels: string[];
    /** 'none': scores are the logits themselves, as some rerankers were trained. */
    activation: 'softmax' | 'sigmoid' | 'none';
    multiLabel: boolean;
    /** 'token': the graph labels every token (entities). Default 'text'. */
    level?: 'text' | 'token';
    /** How scores become probabilities that can be believed. */
    calibration?: Calibration;
  };
  summarize?: {
    mode: 'extractive' | 'abstractive';
    /** "name@version" of the embedder that compares sentences; a model that writes may have one too. */
    embedder?: string;
    /** Extractive: constants of the sentence score, and the lists of words it looks for. */
    weights?: Record<string, number | string[] | Record<string, number>>;
    /** Extractive: sentences of a summary where the request asks for no length. */
    maxSentences?: number;
    /** Abstractive: text put before every input ("summarize: "). */
    prefix?: string;
  };
  /** Goes before PLEXUS_LATENCY_TARGET_MS for this model; 0: none. */
  latencyTargetMs?: number;
  infer?: {
    /**
     * Calls may be joined along the first dimension of every input and output. Holds where rows do not see each other: not for
     * graphs whose first dimension is time, nor for dynamically quantized ones, whose rows share a scale.
     */
    batchable: boolean;
  };
  licence: string;
  source: string;
  training?: { script: string; seed: number; data: { name: string; source: string; licence: string; rows: number }[] };
  quality?: Quality[];
  weaknesses?: string[];
  /** When this version came to be, ISO 8601; orders versions that are commits. */
  created?: string;
  /** What it was made from, where it was made by `plexus models quantize`. */
  derived?: Derived;
}

/** Fitted on labelled texts that the model was not trained on (`plexus models calibrate`). */
export type Calibration = (
  | {
      method: 'temperature';
      /** Logits are divided by it before the activation. */
      temperature: number;
    }
  | {
      method: 'platt';
      /** One a label: its share p becomes sigmoid(slope * log(p / (1 - p)) + intercept). */
      slopes: number[];
      intercepts: number[];
    }
  | {
      method: 'isotonic';
      /** One curve a label: what the activation gave to what it is worth, rising, straight between the points. */
      curves: { from: number[]; to: number[] }[];
    }
) & { fitted?: CalibrationFit };

/** What a calibration was fitted on, and what it changed on texts that it was not fitted on. */
export interface CalibrationFit {
  set: string;
  /** Texts it was fitted on, and texts it was measured on. */
  rows: number;
  heldOut: number;
  /** Expected calibration error (15 bins of equal width, best label) and mean negative log-likelihood, of the held-out texts. */
  eceBefore: number;
  eceAfter: number;
  nllBefore: number;
  nllAfter: number;
}

/** How a model was made from another, and what that cost and brought, measured on a sample. */
export interface Derived {
  /** "name@version". */
  from: string;
  /** Digest of that version. */
  digest: string;
  /** "dynamic int8, per channel". */
  how: string;
  /** Bytes of the weights. */
  bytesBefore: number;
  bytesAfter: number;
  /** Texts a second, one at a time, one thread; measured one after the other on the machine that made it. */
  textsPerSecondBefore?: number;
  textsPerSecondAfter?: number;
  /** Drift of the outputs on the sample. */
  drift?: { cosineMean: number; cosineMin: number; sameLabel?: number; texts: number };
}
