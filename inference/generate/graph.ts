/**
 * What the scheduler needs of a model: prompts in, logits and cache out; one token a row in, logits out. The layouts (seq2seq.ts,
 * causal.ts) rhyme. Also here: reading sessions, so that names, shapes and types come from the files and are not guessed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Cache, CacheSpec } from './cache.js';

/** The tokens of a row's highest logits, highest first, the lower id where two are equal. */
export interface Top {
  ids: BigInt64Array;
  scores: Float32Array;
}

/** Logits of the last token of each row. */
export interface Logits {
  rows: number;
  /** Throws where they were not wanted. */
  row(index: number): Float32Array;
  /** [rows, 1, vocabulary] in 32 bits, where the run gave that. */
  tensor?: Tensor | undefined;
  /** As many as were wanted, or all there are; only of a graph that chooses itself. */
  top?: ((index: number) => Top) | undefined;
}

/** What somebody reads of a step: a graph that can choose itself leaves out the logits nobody wants. */
export interface Wanted {
  logits: boolean;
  /** So many of each row's highest; 0 for none. */
  top: number;
}

export interface Graph {
  readonly vocabSize: number;
  /** True where rows of different age can share a step. */
  readonly ragged: boolean;
  /** How prompts are read: apart, in a thread of their own; in parts, with steps between them; whole, and steps wait. */
  readonly reads: 'apart' | 'in parts' | 'whole';
  /** True where prompts of different length can be read together. */
  readonly mixedPrompts: boolean;
  /** True where activations are eight-bit numbers of one scale a batch: what a row gets follows from all others, empty ones too. */
  readonly oneScale: boolean;
  readonly specs: readonly CacheSpec[];
  /** What was read of the files, for the log and the stats. */
  readonly description: string;
  /** Without logits the first token is still to be fed: the start token, by a step. `pause`: awaited between parts; absent: one part. */
  prefill(
    prompts: readonly (readonly number[])[],
    pause?: () => Promise<void>,
  ): Promise<{ logits: Logits | undefined; cache: Cache }>;
  /** Appends a token to each row of the cache; its tensors are replaced by what the run gave out. */
  step(cache: Cache, tokens: readonly number[], wanted: Wanted): Promise<Logits>;
  /** Ends threads of its own; nothing is read after this. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** The model cannot be run; the message is safe to show. */
export class Refused extends Error {}

export interface OpenOptions {
  folder: string;
  /** manifest.precision: which of several files of one stem is meant. */
  precision: string;
  threads: number;
}

export interface GraphInput {
  name: string;
  type: string;
  shape: readonly (number | string)[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  int8: ['_quantized', '_int8', '_uint8'],
  fp16: ['_fp16'],
  q4: ['_q4', '_q4f16', '_bnb4'],
  fp32: [''],
};

/** The file of a stem: that of the precision, else any there is. */
export function findFile({ folder, precision }: OpenOptions, stem: string): string | undefined {
  const wanted = SUFFIXES[precision] ?? [];
  const suffixes = [...wanted, ...['', '_quantized', '_int8', '_fp16', '_q4'].filter((each) => !wanted.includes(each))];
  for (const suffix of suffixes) {
    for (const place of [join(folder, 'onnx'), folder]) {
      const file = join(place, `${stem}${suffix}.onnx`);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

/** `folder`: where weights lie that a model given as bytes keeps in other files. */
export async function openSession(
  model: string | Uint8Array,
  threads: number,
  folder?: string,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        ...(folder && { model_external_initializers_file_folder_path: folder }),
      },
    },
  };
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
}

/** Inputs by name; refuses one that is none of `known`. */
export function inputsOf(
  session: InferenceSession,
  part: string,
  known: (name: string) => boolean,
): Map<string, GraphInput> {
  const found = new Map<string, GraphInput>();
  for (const input of session.inputMetadata) {
    if (!input.isTensor) throw new Refused(`${part} reads "${input.name}", which is no tensor`);
    if (!known(input.name)) throw new Refused(`${part} reads an input "${input.name}" that is not known`);
    found.set(input.name, input);
  }
  return found;
}

const PAST = /^past_key_values\.(\d+)\.(?:(decoder|encoder)\.)?(?:key|value)$/;

/** True for an input that holds cached keys or values. A state of another kind ("past_key_values.0.conv") is none. */
export const isPast = (name: string): boolean => PAST.test(name);

/** The cached tensors among the inputs of the session that decodes with a past. */
export function cacheSpecs(
  session: InferenceSession,
  inputs: ReadonlyMap<string, GraphInput>,
  part: string,
): CacheSpec[] {
  const specs: CacheSpec[] = [];
  for (const { name, type, shape } of inputs.values()) {
    const match = PAST.exec(name);
    if (!match) continue;
    if (type !== 'float32' && type !== 'float16')
      throw new Refused(`${part}: "${name}" is ${type}; float32 and float16 are known`);
    const [, outer, , inner] = shape;
    if (shape.length !== 4 || typeof outer !== 'number' || typeof inner !== 'number') {
      throw new Refused(`${part}: "${name}" is not [batch, heads, tokens, width] with fixed heads and width`);
    }
    const own = match[2] !== 'encoder';
    const output = name.replace('past_key_values', 'present');
    if (own && !session.outputNames.includes(output))
      throw new Refused(`${part} has no output "${output}" for its "${name}"`);
    specs.push({
      input: name,
      output: own ? output : undefined,
      part: own ? 'own' : 'source',
      type,
      rank: 4,
      outer,
      inner,
      inPlaces: false,
    });
  }
  return specs;
}

/** Numbers of the vocabulary: the last axis of `logits`. */
export function logitsWidth(session: InferenceSession, part: string): number {
  const logits = session.outputMetadata.find(({ name }) => name === 'logits');
  if (!logits?.isTensor) throw new Refused(`${part} has no output "logits"`);
  if (logits.type !== 'float32' && logits.type !== 'float16')
    throw new Refused(`${part}: its logits are ${logits.type}`);
  const width = logits.shape[logits.shape.length - 1];
  return typeof width === 'number' ? width : 0; // Symbolic in some exports: the first run tells.
}

/**
 * Whole numbers as a tensor. int64 is written through an Int32Array over the same bytes: ids are below 2^31 and Node's platforms
 * are little-endian, so the low word is the number; writing BigInts one by one costs ten times as much.
 */
export function whole(input: GraphInput | undefined, values: ArrayLike<number>, shape: number[]): Tensor {
  if (input?.type === 'int32') return new Tensor('int32', Int32Array.from(values), shape);
  const words = new Int32Array(values.length * 2);
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    words[2 * index] = value;
    if (value < 0) words[2 * index + 1] = -1;
  }
  return new Tensor('int64', new BigInt64Array(words.buffer), shape);
}

/** The logits at a position of each row, as 32-bit floats. */
export function logitsAt(tensor: Tensor, position: (row: number) => number): Logits {
  const [rows, tokens, width] = tensor.dims as [number, number, number];
  const data = tensor.data as Float32Array | Uint16Array;
  const start = (row: number): number => (row * tokens + position(row)) * width;
  if (tensor.type === 'float32') {
    const row = (index: number): Float32Array => (data as Float32Array).subarray(start(index), start(index) + width);
    return { rows, row, tensor: tokens === 1 ? tensor : undefined };
  }
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  return { rows, row: (row) => Float32Array.from(bits.subarray(start(row), start(row) + width), half) };
}

/** A 16-bit float from its bits. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
