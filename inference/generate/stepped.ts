/**
 * An encoder-decoder whose decoder has been rewritten for the steps of a batch (step-graph.ts). What the decoder keeps of the source
 * is computed by a graph of its own, cut out of the decoder that begins; the start token is a token like any other, so a newcomer's
 * first step is one it shares. Rows may be of any age.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type Cache, type CacheSpec, dims, makeRoom, newCache, numbers, places, tookPlace } from './cache.js';
import { type GraphInput, inputsOf, type Logits, logitsAt, openSession, type Wanted, whole } from './graph.js';
import { branchOf, type OnnxModel, outputsOf, prune, readModel, removeOutput, writeModel } from './onnx-graph.js';
import { editRagged, fillRagged, RAGGED_INPUTS, type Variant } from './ragged.js';
import type { SourcePart } from './source.js';
import { addTop, dropCopies, fixShapes, splitPast, TOP_COUNT, TOP_OUTPUTS } from './step-graph.js';

/** Files larger than this are not rewritten: that holds them several times for a moment. */
const EDIT_BYTES_MAX = 2 ** 30;

const CACHE_INPUT = /^past_key_values\.\d+\.(decoder|encoder)\.(key|value)$/;
const ofStep = (name: string): boolean =>
  ['input_ids', 'encoder_attention_mask', TOP_COUNT].includes(name) ||
  CACHE_INPUT.test(name) ||
  RAGGED_INPUTS.has(name);
const ofCross = (name: string): boolean =>
  ['encoder_hidden_states', 'encoder_attention_mask', 'input_ids'].includes(name);

export interface Stepped {
  /** Encoder's output to keys and values of the source: a graph, and its outputs in the order of `specs`. */
  cross: Uint8Array;
  crossOutputs: readonly string[];
  step: InferenceSession;
  stepInputs: ReadonlyMap<string, GraphInput>;
  specs: readonly CacheSpec[];
  half: boolean;
  /** Computes with eight-bit numbers, whose roundings may fall the other way when sums are formed in another order. */
  quantized: boolean;
  /** Numbers of the vocabulary; 0 where the graph does not say. */
  vocabSize: number;
}

export interface SteppedFiles {
  /** The decoder that begins; decoder_model_merged, where there is one. */
  first: string;
  /** The decoder with a past; the same file where merged. */
  past: string;
  threads: number;
}

/** The rewritten decoder, unproved; undefined where its graph is none that can be. */
export async function openStepped(
  { first, past, threads }: SteppedFiles,
  cached: readonly CacheSpec[],
  variant: Variant,
  vocabSize: number,
): Promise<Stepped | undefined> {
  for (const file of new Set([first, past])) if ((await stat(file)).size > EDIT_BYTES_MAX) return undefined;
  const plain = cached.filter(({ rank }) => rank === 4); // What the encoder gave is read once, by the other graph.
  if (plain.some(({ type }) => type !== plain[0]?.type)) return undefined;
  const half = plain[0]?.type === 'float16';
  const read = async (file: string, withPast: boolean): Promise<OnnxModel | undefined> => {
    const model = readModel(await readFile(file));
    return first === past ? branchOf(model, 'use_cache_branch', withPast) : model;
  };
  const open = (file: string) => (bytes: Uint8Array) => openSession(bytes, threads, dirname(file));

  const crossModel = await read(first, false);
  const stepModel = await read(past, true);
  if (!crossModel || !stepModel) return undefined;
  keepOutputs(crossModel, (name) => /^present\.\d+\.encoder\./.test(name));
  keepOutputs(stepModel, (name) => name === 'logits' || /^present\.\d+\.decoder\./.test(name));
  dropCopies(stepModel.graph);
  if (!editRagged(stepModel.graph, variant, half)) return undefined;
  const fresh = splitPast(
    stepModel,
    plain.flatMap(({ input, output, type, outer, inner }) => (output ? [{ input, output, type, outer, inner }] : [])),
  );
  if (!fresh) return undefined;
  if (!half && vocabSize > 0) addTop(stepModel); // onnxruntime's TopK takes no 16 bits
  prune(stepModel.graph);
  if (!stepModel.graph.inputs.every(ofStep) || !crossModel.graph.inputs.every(ofCross)) return undefined;
  const specs = plain.map((spec) =>
    spec.output ? { ...spec, output: fresh.get(spec.input) as string, inPlaces: true } : spec,
  );
  // With constant shapes onnxruntime keeps 32 bits across more of a 16-bit graph, which rounds otherwise than the graph as it came: ids
  // would no longer be those of transformers on the same file (t5-fp16 and bart-fp16 of the tests).
  if (!half) {
    const probes = [probe(stepModel, specs, half, 2, 4, 5), probe(stepModel, specs, half, 3, 7, 11)];
    await fixShapes(stepModel, probes, open(past));
  }
  const step = await open(past)(writeModel(stepModel));
  return {
    cross: writeModel(crossModel),
    crossOutputs: specs.flatMap(({ part, input }) =>
      part === 'source' ? [input.replace('past_key_values', 'present')] : [],
    ),
    step,
    stepInputs: inputsOf(step, 'the rewritten decoder', ofStep),
    specs,
    half,
    quantized: stepModel.graph.nodes.some(({ op }) => /^(DynamicQuantize|MatMulInteger|QLinear|MatMulNBits)/.test(op)),
    vocabSize,
  };
}

function keepOutputs({ graph }: OnnxModel, kept: (name: string) => boolean): void {
  for (const name of outputsOf(graph)) if (!kept(name)) removeOutput(graph, name);
  prune(graph);
}

/** Something to run the graph on: what counts is its shape. */
function probe(
  { graph }: OnnxModel,
  specs: readonly CacheSpec[],
  half: boolean,
  rows: number,
  length: number,
  source: number,
): Record<string, Tensor> {
  const cache = newCache(specs, {
    rows,
    length,
    lengths: Array.from({ length: rows }, () => length),
    source,
    sources: Array.from({ length: rows }, () => source),
  });
  const feeds: Record<string, Tensor> = {
    [TOP_COUNT]: whole(undefined, [1], [1]),
    input_ids: whole(undefined, new Array<number>(rows).fill(0), [rows, 1]),
    encoder_attention_mask: whole(undefined, new Array<number>(rows * source).fill(1), [rows, source]),
  };
  const tokens = ({ part }: CacheSpec): number => (part === 'own' ? length : source);
  for (const spec of specs) {
    const data = numbers(spec, rows * spec.outer * tokens(spec) * spec.inner);
    feeds[spec.input] = new Tensor(spec.type, data, dims(spec, rows, tokens(spec)));
  }
  fillRagged(feeds, cache, 1, half);
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => graph.inputs.includes(name)));
}

/** The cache of newcomers: what the decoder keeps of their sources, and no token yet (one place that nothing looks at). */
export function begin({ specs }: Stepped, parts: readonly SourcePart[], sources: readonly number[]): Cache {
  const rows = sources.length;
  let next = 0;
  const tensors = specs.map((spec) => {
    if (spec.part === 'own')
      return new Tensor(spec.type, numbers(spec, rows * spec.outer * spec.inner), dims(spec, rows, 1));
    const { type, data, dims: shape } = parts[next++] as SourcePart;
    return new Tensor(type, data as Float32Array, shape);
  });
  const lengths = sources.map(() => 0);
  return newCache(specs, { rows, length: 1, lengths, source: Math.max(...sources), sources: [...sources], tensors });
}

/**
 * One token a row. The run reads the past where it lies and writes what is new behind it; the logits' memory is used again, and where the
 * graph has chosen itself they are not given out at all.
 */
export function createStep({ step, stepInputs, specs, half, vocabSize }: Stepped) {
  let kept = new Float32Array(0);
  const own = specs.flatMap(({ part }, index) => (part === 'own' ? [index] : []));
  const chooses = stepInputs.has(TOP_COUNT);
  return async (cache: Cache, tokens: readonly number[], mask: Tensor, wanted: Wanted): Promise<Logits> => {
    const { rows } = cache;
    makeRoom(cache);
    const feeds: Record<string, Tensor> = { input_ids: whole(stepInputs.get('input_ids'), tokens, [rows, 1]) };
    if (stepInputs.has('encoder_attention_mask')) feeds.encoder_attention_mask = mask;
    const fetches: Record<string, Tensor | null> = {};
    const top = chooses ? Math.min(wanted.top, vocabSize) : 0;
    if (chooses) feeds[TOP_COUNT] = whole(stepInputs.get(TOP_COUNT), [top], [1]);
    if (top > 0) for (const name of TOP_OUTPUTS) fetches[name] = null;
    if (wanted.logits || top === 0) {
      fetches.logits = null;
      if (vocabSize > 0 && !half) {
        if (kept.length < rows * vocabSize) kept = new Float32Array(rows * vocabSize);
        fetches.logits = new Tensor('float32', kept.subarray(0, rows * vocabSize), [rows, 1, vocabSize]);
      }
    }
    for (const [index, { input, part }] of specs.entries())
      if (part === 'source') feeds[input] = cache.tensors[index] as Tensor;
    for (const index of own) {
      const { input, output } = specs[index] as CacheSpec;
      const { past, next } = places(cache, index);
      feeds[input] = past;
      fetches[output as string] = next;
    }
    fillRagged(feeds, cache, 1, half, stepInputs);
    const results = await step.run(feeds, fetches);
    tookPlace(cache);
    const logits = results.logits ? logitsAt(results.logits, () => 0) : { rows, row: notWanted };
    if (top === 0) return logits;
    const [ids, scores] = TOP_OUTPUTS.map((name) => results[name]?.data) as [BigInt64Array, Float32Array];
    return {
      ...logits,
      top: (row) => ({
        ids: ids.subarray(row * top, (row + 1) * top),
        scores: scores.subarray(row * top, (row + 1) * top),
      }),
    };
  };
}

function notWanted(): never {
  throw new Error('the logits of this step were not wanted');
}
