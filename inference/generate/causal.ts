/**
 * Decoder-only models (Llama, GPT-2 and their kin): onnx/model.onnx with past_key_values.N.key/value in and present.N.key/value
 * out, or the older decoder_model_merged.onnx, whose use_cache_branch says whether there is a past. Rows are padded on the left; with
 * attention_mask and position_ids among the inputs, rows of any age share a step, and a prompt can be read in parts, each with the
 * past that those before it left, so that others take a step between two of them. That is tried when the model opens.
 */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type Cache, type CacheSpec, dims, newCache, numbers } from './cache.js';
import {
  cacheSpecs,
  findFile,
  type Graph,
  type GraphInput,
  inputsOf,
  isPast,
  type Logits,
  logitsAt,
  logitsWidth,
  type OpenOptions,
  openSession,
  Refused,
  whole,
} from './graph.js';

const KNOWN = new Set(['input_ids', 'attention_mask', 'position_ids', 'use_cache_branch']);
/** In the order in which they are looked for. */
const STEMS = ['model', 'decoder_model_merged', 'decoder_with_past_model'];
/** Padded tokens of a part: what is read in about the time of a step (engine.ts). */
const PART_TOKENS = 64;
/** ... but of no row fewer: a run has its price. */
const PART_COLUMNS_MIN = 8;

export async function openCausal(options: OpenOptions): Promise<Graph> {
  const file = STEMS.map((stem) => findFile(options, stem)).find((found) => found !== undefined);
  if (!file) throw new Refused(`it has none of ${STEMS.map((stem) => `onnx/${stem}.onnx`).join(', ')}`);
  const session = await openSession(file, options.threads);
  const inputs = inputsOf(session, 'the decoder', (name) => KNOWN.has(name) || isPast(name));
  if (!inputs.has('input_ids')) throw new Refused('the decoder has no input "input_ids"');
  const specs = cacheSpecs(session, inputs, 'the decoder');
  const masked = inputs.has('attention_mask');
  const ragged = specs.length === 0 || (masked && inputs.has('position_ids'));
  const vocabSize = logitsWidth(session, 'the decoder');
  const outputs = ['logits', ...specs.map(({ output }) => output as string)];
  const read = (prompts: readonly (readonly number[])[], columns?: number, pause?: () => Promise<void>) =>
    prefill(session, inputs, specs, outputs, prompts, columns, pause);
  const tolerance = { fp32: 1e-4, fp16: 1e-2 }[options.precision] ?? 5e-2;
  return {
    vocabSize,
    ragged,
    reads: specs.length > 0 && ragged && (await readsInParts(read, tolerance)) ? 'in parts' : 'whole',
    mixedPrompts: ragged,
    oneScale: options.precision === 'int8',
    specs,
    description: `decoder-only, ${specs.length === 0 ? 'no cache' : `${specs.length / 2} layers of cache`}`,
    prefill: (prompts, pause) =>
      specs.length === 0
        ? readAll(session, inputs, fresh(specs, prompts))
        : read(prompts, pause && Math.max(PART_COLUMNS_MIN, Math.floor(PART_TOKENS / prompts.length)), pause),
    async step(cache, tokens) {
      if (specs.length > 0) return step(session, inputs, outputs, cache, tokens);
      for (const [row, token] of tokens.entries()) (cache.prefixes as number[][])[row]?.push(token);
      return (await readAll(session, inputs, cache)).logits;
    },
    leave: async () => {},
    close: () => session.release(),
  };
}

function fresh(specs: readonly CacheSpec[], prompts: readonly (readonly number[])[]): Cache {
  const length = Math.max(...prompts.map((prompt) => prompt.length));
  return newCache(specs, {
    tensors: specs.map((spec) => new Tensor(spec.type, numbers(spec, 0), dims(spec, prompts.length, 0))),
    rows: prompts.length,
    length,
    lengths: prompts.map((prompt) => prompt.length),
    source: 0,
    sources: prompts.map(() => 0),
    prefixes: specs.length === 0 ? prompts.map((prompt) => [...prompt]) : undefined,
  });
}

async function prefill(
  session: InferenceSession,
  inputs: ReadonlyMap<string, GraphInput>,
  specs: readonly CacheSpec[],
  outputs: string[],
  prompts: readonly (readonly number[])[],
  columns = Number.POSITIVE_INFINITY,
  pause?: () => Promise<void>,
): Promise<{ logits: Logits; cache: Cache }> {
  const cache = fresh(specs, prompts);
  const { rows, length } = cache;
  const ids = new Int32Array(rows * length);
  const mask = new Int32Array(rows * length);
  const positions = new Int32Array(rows * length);
  for (const [row, prompt] of prompts.entries()) {
    const skip = length - prompt.length;
    for (const [place, id] of prompt.entries()) {
      const at = row * length + skip + place;
      ids[at] = id;
      mask[at] = 1;
      positions[at] = place;
    }
  }
  for (let from = 0; ; from += columns) {
    const to = Math.min(length, from + columns);
    const part = (values: Int32Array, begin: number): Int32Array =>
      begin === 0 && to === length ? values : columnsOf(values, rows, begin, to);
    const given = { ids: part(ids, from), mask: part(mask, 0), positions: part(positions, from) };
    const last = to === length;
    const results = await session.run(feeds(inputs, cache, given, to - from, to), last ? outputs : outputs.slice(1));
    cache.tensors = specs.map(({ output }) => results[output as string] as Tensor);
    if (last) return { logits: logitsAt(results.logits as Tensor, () => to - from - 1), cache };
    await pause?.();
  }
}

/** Columns `from` to `to` of [rows, any]. */
function columnsOf(values: Int32Array, rows: number, from: number, to: number): Int32Array {
  const width = values.length / rows;
  const found = new Int32Array(rows * (to - from));
  for (let row = 0; row < rows; row++)
    found.set(values.subarray(row * width + from, row * width + to), row * (to - from));
  return found;
}

/** Two prompts read in parts must give the logits that they give read whole. */
async function readsInParts(
  read: (prompts: readonly (readonly number[])[], columns?: number) => Promise<{ logits: Logits }>,
  tolerance: number,
): Promise<boolean> {
  const prompts = [
    [3, 4, 5, 6, 7, 8],
    [5, 3, 4],
  ];
  try {
    const [whole, parts] = [await read(prompts), await read(prompts, 2)];
    return prompts.every((_prompt, row) => {
      const [wanted, found] = [whole.logits.row(row), parts.logits.row(row)];
      const limit = tolerance * wanted.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
      return wanted.every((value, id) => Math.abs(value - (found[id] as number)) <= limit);
    });
  } catch {
    return false; // A graph that takes a whole prompt or one token: it is read whole.
  }
}

async function step(
  session: InferenceSession,
  inputs: ReadonlyMap<string, GraphInput>,
  outputs: string[],
  cache: Cache,
  tokens: readonly number[],
): Promise<Logits> {
  const { rows, specs } = cache;
  const total = cache.length + 1;
  const mask = new Int32Array(rows * total);
  for (let row = 0; row < rows; row++)
    mask.fill(1, row * total + cache.length - (cache.lengths[row] as number), (row + 1) * total);
  const results = await session.run(
    feeds(inputs, cache, { ids: tokens, mask, positions: cache.lengths }, 1, total),
    outputs,
  );
  cache.tensors = specs.map(({ output }) => results[output as string] as Tensor);
  cache.length = total;
  for (let row = 0; row < rows; row++) cache.lengths[row] = (cache.lengths[row] as number) + 1;
  return logitsAt(results.logits as Tensor, () => 0);
}

function feeds(
  inputs: ReadonlyMap<string, GraphInput>,
  cache: Cache,
  given: { ids: ArrayLike<number>; mask: ArrayLike<number>; positions: ArrayLike<number> },
  tokens: number,
  total: number,
): Record<string, Tensor> {
  const { rows } = cache;
  const made: Record<string, Tensor> = { input_ids: whole(inputs.get('input_ids'), given.ids, [rows, tokens]) };
  const mask = inputs.get('attention_mask');
  if (mask) made.attention_mask = whole(mask, given.mask, [rows, total]);
  // The tokens of a prompt are all there is: then nothing was before them.
  if (inputs.has('use_cache_branch'))
    made.use_cache_branch = new Tensor('bool', Uint8Array.of(Number(total > tokens)), [1]);
  const positions = inputs.get('position_ids');
  if (positions) made.position_ids = whole(positions, given.positions, [rows, tokens]);
  for (const [index, { input }] of cache.specs.entries()) made[input] = cache.tensors[index] as Tensor;
  return made;
}

/** A graph without a cache reads everything again each step, padded on the right, where nothing looks. */
async function readAll(
  session: InferenceSession,
  inputs: ReadonlyMap<string, GraphInput>,
  cache: Cache,
): Promise<{ logits: Logits; cache: Cache }> {
  const prefixes = cache.prefixes as number[][];
  const length = Math.max(...prefixes.map((prefix) => prefix.length));
  const ids = new Int32Array(cache.rows * length);
  const mask = new Int32Array(cache.rows * length);
  const positions = new Int32Array(cache.rows * length);
  for (const [row, prefix] of prefixes.entries()) {
    for (const [place, id] of prefix.entries()) {
      ids[row * length + place] = id;
      mask[row * length + place] = 1;
      positions[row * length + place] = place;
    }
  }
  const results = await session.run(feeds(inputs, cache, { ids, mask, positions }, length, length), ['logits']);
  cache.length = length;
  cache.lengths = prefixes.map((prefix) => prefix.length);
  return { logits: logitsAt(results.logits as Tensor, (row) => (cache.lengths[row] as number) - 1), cache };
}
