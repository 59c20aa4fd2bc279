/**
 * Encoder-decoder models (T5, BART, Marian, Pegasus): an encoder, then either decoder_model + decoder_with_past_model, or
 * decoder_model_merged with its use_cache_branch, or decoder_model alone, which reads everything again each step. The
 * cross-attention part of the cache is computed by the first run of the decoder and never again.
 */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { assemble, type Cache, type CacheSpec, dims, numbers } from './cache.js';
import {
  cacheSpecs,
  findFile,
  type Graph,
  type GraphInput,
  inputsOf,
  type Logits,
  logitsAt,
  logitsWidth,
  type OpenOptions,
  openSession,
  Refused,
  whole,
} from './graph.js';
import { editDecoder, fillRagged, RAGGED_INPUTS, VARIANTS } from './ragged.js';

const known = (name: string): boolean => DECODER_INPUTS.has(name) || name.startsWith('past_key_values.');
const knownEdited = (name: string): boolean => known(name) || RAGGED_INPUTS.has(name);
const ENCODER_INPUTS = new Set(['input_ids', 'attention_mask']);
const DECODER_INPUTS = new Set(['input_ids', 'encoder_attention_mask', 'encoder_hidden_states', 'use_cache_branch']);

interface Parts {
  encoder: InferenceSession;
  encoderInputs: ReadonlyMap<string, GraphInput>;
  /** Runs the start token. */
  first: InferenceSession;
  firstInputs: ReadonlyMap<string, GraphInput>;
  /** Runs every later token; undefined where there is no cache. */
  past: InferenceSession | undefined;
  pastInputs: ReadonlyMap<string, GraphInput>;
  /** True where `past` takes what hides the padding of younger rows. */
  ragged: boolean;
  /** True where the cache is of 16-bit floats. */
  half: boolean;
  specs: readonly CacheSpec[];
  startId: number;
  padId: number;
}

export async function openSeq2Seq(options: OpenOptions, startId: number, padId: number): Promise<Graph> {
  const encoderFile = findFile(options, 'encoder_model');
  if (!encoderFile) throw new Refused('it has no onnx/encoder_model.onnx');
  const encoder = await openSession(encoderFile, options.threads);
  const encoderInputs = inputsOf(encoder, 'the encoder', (name) => ENCODER_INPUTS.has(name));
  const hiddenOutput = encoder.outputMetadata.find(({ name }) => name === 'last_hidden_state');
  if (!hiddenOutput?.isTensor || (hiddenOutput.type !== 'float32' && hiddenOutput.type !== 'float16')) {
    throw new Refused('the encoder has no float output "last_hidden_state"');
  }
  const mergedFile = findFile(options, 'decoder_model_merged');
  const firstFile = mergedFile ?? findFile(options, 'decoder_model');
  if (!firstFile) throw new Refused('it has none of onnx/decoder_model_merged.onnx, onnx/decoder_model.onnx');
  const pastFile = mergedFile ?? findFile(options, 'decoder_with_past_model');
  const first = await openSession(firstFile, options.threads);
  // A folder may have a decoder_with_past_model of a form of its own (a recurrent state): the plain decoder still decodes.
  const cached = pastFile !== undefined && first.outputNames.some((name) => name.startsWith('present.'));
  const past = !cached ? undefined : mergedFile ? first : await openSession(pastFile, options.threads);
  const width = hiddenOutput.shape[hiddenOutput.shape.length - 1];
  const specs = past ? cacheSpecs(past, inputsOf(past, 'the decoder with past', known), 'the decoder with past') : [];
  for (const { input } of specs) {
    const output = input.replace('past_key_values', 'present');
    if (!first.outputNames.includes(output)) throw new Refused(`the decoder has no output "${output}"`);
  }
  if (!past || past.inputNames.includes('encoder_hidden_states')) {
    if (typeof width !== 'number') throw new Refused('the width of "last_hidden_state" is not fixed');
    const { type } = hiddenOutput;
    specs.push({
      input: 'encoder_hidden_states',
      output: undefined,
      part: 'source',
      type,
      rank: 3,
      outer: 1,
      inner: width,
    });
  }
  const plain: Parts = {
    encoder,
    encoderInputs,
    first,
    firstInputs: inputsOf(first, 'the decoder', known),
    past,
    pastInputs: past ? inputsOf(past, 'the decoder with past', known) : new Map(),
    ragged: false,
    half: specs[0]?.type === 'float16',
    specs,
    startId,
    padId,
  };
  const parts = past && cached ? await openEdited(plain, pastFile, mergedFile !== undefined, options.threads) : plain;
  const form = !past ? 'no cache' : mergedFile ? 'merged decoder' : 'decoder with past';
  return {
    vocabSize: logitsWidth(first, 'the decoder'),
    ragged: !past || parts.ragged,
    mixedPrompts: true,
    specs,
    description: `encoder-decoder, ${form}${past && !parts.ragged ? ', rows of one age only' : ''}`,
    prefill: (prompts) => prefill(parts, prompts),
    step: (cache, tokens) => (parts.past ? step(parts, parts.past, cache, tokens) : readAll(parts, cache, tokens)),
    async close() {
      for (const session of new Set([parts.encoder, parts.first, parts.past])) await session?.release();
    },
  };
}

/** The same parts with an edited decoder, where an edit can be made and proves right; else as they are. */
async function openEdited(plain: Parts, file: string, merged: boolean, threads: number): Promise<Parts> {
  for (const variant of VARIANTS) {
    try {
      const bytes = await editDecoder(file, variant, plain.half);
      if (!bytes) continue;
      const past = await openSession(bytes, threads);
      const pastInputs = inputsOf(past, 'the edited decoder', knownEdited);
      const edited: Parts = {
        ...plain,
        past,
        pastInputs,
        ragged: true,
        ...(merged && { first: past, firstInputs: pastInputs }),
      };
      if (await proves(plain, edited)) {
        await plain.past?.release();
        return edited;
      }
      await past.release();
    } catch {
      // A graph that onnxruntime refuses after the edit, or a file of a form not foreseen: the graph as it came serves.
    }
  }
  return plain;
}

/** A row with padding of garbage on its left must give the logits that the graph as it came gives without. */
async function proves(plain: Parts, edited: Parts): Promise<boolean> {
  const prompt = Array.from({ length: 6 }, (_, index) => index + 3);
  const before = (await prefill(plain, [prompt])).cache;
  const row = { cache: (await prefill(edited, [prompt])).cache, row: 0 };
  const padded = assemble([row], { length: 5, source: 9 });
  for (const [index, spec] of padded.specs.entries()) {
    // Garbage, not zeros: what is hidden must not matter.
    const data = (padded.tensors[index] as Tensor).data as Float32Array | Uint16Array;
    const tokens = spec.part === 'own' ? padded.length : padded.source;
    const [from, to] = spec.part === 'own' ? [0, padded.length - 1] : [prompt.length, tokens];
    for (let outer = 0; outer < spec.outer; outer++) {
      data.fill(plain.half ? 0x3c00 : 1, (outer * tokens + from) * spec.inner, (outer * tokens + to) * spec.inner);
    }
  }
  for (const token of [4, 7, 5]) {
    const wanted = (await step(plain, plain.past as InferenceSession, before, [token])).row(0).slice();
    const found = (await step(edited, edited.past as InferenceSession, padded, [token])).row(0);
    const scale = wanted.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
    const limit = scale * (plain.half ? 1e-2 : 1e-4);
    for (let id = 0; id < wanted.length; id++) {
      if (!(Math.abs((wanted[id] as number) - (found[id] as number)) <= limit)) return false;
    }
  }
  return true;
}

async function prefill(
  parts: Parts,
  prompts: readonly (readonly number[])[],
): Promise<{ logits: Logits; cache: Cache }> {
  const { encoder, encoderInputs, first, firstInputs, past, specs, startId, padId } = parts;
  const rows = prompts.length;
  const source = Math.max(...prompts.map((prompt) => prompt.length));
  const ids = new Int32Array(rows * source).fill(padId);
  for (const [row, prompt] of prompts.entries()) ids.set(prompt, row * source);
  const cache: Cache = {
    specs,
    tensors: [],
    rows,
    length: 1,
    lengths: prompts.map(() => 1),
    source,
    sources: prompts.map((prompt) => prompt.length),
    prefixes: past ? undefined : prompts.map(() => []),
    masks: new Map(),
  };
  const mask = sourceMask(cache, encoderInputs.get('attention_mask'));
  const encoded = await encoder.run(
    {
      input_ids: whole(encoderInputs.get('input_ids'), ids, [rows, source]),
      ...(encoderInputs.has('attention_mask') && { attention_mask: mask }),
    },
    ['last_hidden_state'],
  );
  const hidden = encoded.last_hidden_state as Tensor;
  if (!past) {
    cache.tensors = [hidden];
    return {
      logits: await readAll(
        parts,
        cache,
        prompts.map(() => startId),
      ),
      cache,
    };
  }
  const feeds: Record<string, Tensor> = {
    input_ids: whole(
      firstInputs.get('input_ids'),
      prompts.map(() => startId),
      [rows, 1],
    ),
    encoder_hidden_states: hidden,
    encoder_attention_mask: mask,
  };
  if (first === past) {
    feeds.use_cache_branch = new Tensor('bool', Uint8Array.of(0), [1]);
    // Not read by the branch without a cache, but a graph's inputs must all be there.
    for (const spec of specs)
      if (spec.rank === 4)
        feeds[spec.input] = new Tensor(spec.type, numbers(spec, rows * spec.outer * spec.inner), dims(spec, rows, 1));
    if (parts.ragged) fillRagged(feeds, cache, 0, parts.half);
  }
  const outputs = [
    'logits',
    ...specs.filter(({ rank }) => rank === 4).map(({ input }) => input.replace('past_key_values', 'present')),
  ];
  const results = await first.run(only(feeds, firstInputs), outputs);
  cache.tensors = specs.map(({ input, rank }) =>
    rank === 3 ? hidden : (results[input.replace('past_key_values', 'present')] as Tensor),
  );
  return { logits: logitsAt(results.logits as Tensor, () => 0), cache };
}

async function step(
  { pastInputs, specs, ragged, half }: Parts,
  past: InferenceSession,
  cache: Cache,
  tokens: readonly number[],
): Promise<Logits> {
  const feeds: Record<string, Tensor> = {
    input_ids: whole(pastInputs.get('input_ids'), tokens, [cache.rows, 1]),
    encoder_attention_mask: sourceMask(cache, pastInputs.get('encoder_attention_mask')),
  };
  if (pastInputs.has('use_cache_branch')) feeds.use_cache_branch = new Tensor('bool', Uint8Array.of(1), [1]);
  for (const [index, { input }] of specs.entries()) feeds[input] = cache.tensors[index] as Tensor;
  if (ragged) fillRagged(feeds, cache, 1, half);
  const outputs = ['logits', ...specs.filter(({ output }) => output).map(({ output }) => output as string)];
  const results = await past.run(only(feeds, pastInputs), outputs);
  // What the run gave out is what the next one reads; the source part stays the very same tensors.
  cache.tensors = specs.map(({ output }, index) => (output ? results[output] : cache.tensors[index]) as Tensor);
  cache.length += 1;
  for (let row = 0; row < cache.rows; row++) cache.lengths[row] = (cache.lengths[row] as number) + 1;
  return logitsAt(results.logits as Tensor, () => 0);
}

/** Everything again each step, padded on the right, where a causal decoder does not look. */
async function readAll({ first, firstInputs, padId }: Parts, cache: Cache, tokens: readonly number[]): Promise<Logits> {
  const prefixes = cache.prefixes as number[][];
  for (const [row, token] of tokens.entries()) prefixes[row]?.push(token);
  const length = Math.max(...prefixes.map((prefix) => prefix.length));
  const ids = new Int32Array(cache.rows * length).fill(padId);
  for (const [row, prefix] of prefixes.entries()) ids.set(prefix, row * length);
  const feeds = {
    input_ids: whole(firstInputs.get('input_ids'), ids, [cache.rows, length]),
    encoder_hidden_states: cache.tensors[0] as Tensor,
    encoder_attention_mask: sourceMask(cache, firstInputs.get('encoder_attention_mask')),
  };
  const results = await first.run(only(feeds, firstInputs), ['logits']);
  cache.length = length;
  cache.lengths = prefixes.map((prefix) => prefix.length);
  return logitsAt(results.logits as Tensor, (row) => (prefixes[row] as number[]).length - 1);
}

/** 1 where a row has a source token; made once for as long as the rows stay. */
function sourceMask(cache: Cache, input: GraphInput | undefined): Tensor {
  const kept = cache.masks.get('source');
  if (kept) return kept;
  const { rows, source, sources } = cache;
  const mask = new Int32Array(rows * source);
  for (let row = 0; row < rows; row++) mask.fill(1, row * source, row * source + (sources[row] as number));
  const made = whole(input, mask, [rows, source]);
  cache.masks.set('source', made);
  return made;
}

function only(feeds: Record<string, Tensor>, inputs: ReadonlyMap<string, GraphInput>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
}
