/**
 * What a model says of itself: manifest.json beside the weights, in the Hugging Face ONNX folder layout. The schema is checked
 * with errors that name file and field; a folder without a manifest gets an inferred one (infer.ts).
 */

export type Task = 'tokenize' | 'embed' | 'classify' | 'summarize';
export const TASKS: readonly Task[] = ['tokenize', 'embed', 'classify', 'summarize'];

export type Pooling = 'mean' | 'cls' | 'last' | 'max';

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
    dimensions: number;
    prompts: Record<string, string>;
    defaultPrompt?: string;
  };
  classify?: { labels: string[]; activation: 'softmax' | 'sigmoid'; multiLabel: boolean };
  summarize?: {
    mode: 'extractive' | 'abstractive';
    /** Extractive: "name@version" of the embedder that compares sentences. */
    embedder?: string;
    /** Extractive: constants of the sentence score, and the lists of words it looks for. */
    weights?: Record<string, number | string[] | Record<string, number>>;
    /** Extractive: sentences of a summary where the request asks for no length. */
    maxSentences?: number;
    /** Abstractive: text put before every input ("summarize: "). */
    prefix?: string;
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
