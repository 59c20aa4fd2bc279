/**
 * Encoder-decoder models (T5, BART, Marian, Pegasus): an encoder, then either decoder_model + decoder_with_past_model, or
 * decoder_model_merged with its use_cache_branch, or decoder_model alone, which reads everything again each step. A decoder with a
 * past is rewritten where it can be (stepped.ts) and what was rewritten gives the same logits; else it runs as it came, rows of
 * one age together. The cross-attention part of the cache is computed once and never again.
 */

import { dirname } from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { assemble, type Cache, type CacheSpec, dims, newCache, numbers } from './cache.js';
import { argmax } from './decoding.js';
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
import { VARIANTS } from './ragged.js';
import {
  type Encoder,
  encode,
  maskOf,
  openEncoder,
  openSource,
  type Source,
  type SourceStart,
  startSource,
} from './source.js';
import { begin, createStep, openStepped, type Stepped, type SteppedFiles } from './stepped.js';

const known = (name: string): boolean => DECODER_INPUTS.has(name) || isPast(name);
const DECODER_INPUTS = new Set(['input_ids', 'encoder_attention_mask', 'encoder_hidden_states', 'use_cache_branch']);

interface Parts {
  encoder: Encoder;
  /** Runs the start token. */
  first: InferenceSession;
  firstInputs: ReadonlyMap<string, GraphInput>;
  /** Runs every later token; undefined where there is no cache. */
  past: InferenceSession | undefined;
  pastInputs: ReadonlyMap<string, GraphInput>;
  specs: readonly CacheSpec[];
  startId: number;
  padId: number;
}

/** `lost` hears that a thread of the graph has ended by itself. */
export async function openSeq2Seq(
  options: OpenOptions,
  startId: number,
  padId: number,
  lost: (reason: string) => void,
): Promise<Graph> {
  const encoderFile = findFile(options, 'encoder_model');
  if (!encoderFile) throw new Refused('it has no onnx/encoder_model.onnx');
  const encoder = await openEncoder(encoderFile, options.threads);
  const hiddenOutput = encoder.session.outputMetadata.find(({ name }) => name === 'last_hidden_state');
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
      inPlaces: false,
    });
  }
  const plain: Parts = {
    encoder,
    first,
    firstInputs: inputsOf(first, 'the decoder', known),
    past,
    pastInputs: past ? inputsOf(past, 'the decoder with past', known) : new Map(),
    specs,
    startId,
    padId,
  };
  const form = !past ? 'no cache' : mergedFile ? 'merged decoder' : 'decoder with past';
  const vocabSize = logitsWidth(first, 'the decoder');
  const common = { vocabSize, mixedPrompts: true, oneScale: options.precision === 'int8' };
  const stepped =
    pastFile && past
      ? await openProved(
          plain,
          { encoder: encoderFile, first: firstFile, past: pastFile, threads: options.threads },
          vocabSize,
        )
      : undefined;
  if (stepped) {
    for (const session of new Set([encoder.session, first, past])) await session?.release();
    const { specs: inPlaces, step: session, stepInputs } = stepped;
    // A generator without the thread that reads for it is of no use: its worker is replaced as a whole.
    const source = await startSource(sourceStart(stepped, encoderFile, firstFile, plain, options.threads), lost);
    const stepOn = createStep(stepped);
    return {
      ...common,
      oneScale: stepped.quantized,
      ragged: true,
      reads: 'apart',
      specs: inPlaces,
      description: `encoder-decoder, ${form}`,
      async prefill(prompts) {
        const lengths = prompts.map((prompt) => prompt.length);
        return { logits: undefined, cache: begin(stepped, await source.read(prompts), lengths) };
      },
      step: (cache, tokens, wanted) =>
        stepOn(cache, tokens, sourceMask(cache, stepInputs.get('encoder_attention_mask')), wanted),
      leave: () => source.close(),
      async close() {
        await source.close();
        await session.release();
      },
    };
  }
  return {
    ...common,
    ragged: !past,
    reads: 'whole',
    specs,
    description: `encoder-decoder, ${form}${past ? ', rows of one age only' : ''}`,
    prefill: (prompts) => prefill(plain, prompts),
    step: (cache, tokens) => (past ? step(plain, past, cache, tokens) : readAll(plain, cache, tokens)),
    async close() {
      for (const session of new Set([encoder.session, first, past])) await session?.release();
    },
    leave: async () => {},
  };
}

function sourceStart(
  { cross, crossOutputs }: Stepped,
  encoderFile: string,
  firstFile: string,
  { padId }: Parts,
  threads: number,
): SourceStart {
  return { encoderFile, cross, folder: dirname(firstFile), outputs: crossOutputs, threads, padId };
}

/** The rewritten decoder, where a rewriting can be made and proves right. */
async function openProved(
  plain: Parts,
  files: SteppedFiles & { encoder: string },
  vocabSize: number,
): Promise<Stepped | undefined> {
  for (const variant of VARIANTS) {
    try {
      const stepped = await openStepped(files, plain.specs, variant, vocabSize);
      if (!stepped) continue;
      const source = await openSource(sourceStart(stepped, files.encoder, files.first, plain, files.threads));
      const proved = await proves(plain, stepped, source);
      await source.close();
      if (proved) return stepped;
      await stepped.step.release();
    } catch {
      // A graph that onnxruntime refuses when rewritten, or a file of a form not foreseen: the graph as it came serves.
    }
  }
  return undefined;
}

/** A row with padding of garbage on its left must give the logits that the graph as it came gives without. */
async function proves(plain: Parts, stepped: Stepped, source: Source): Promise<boolean> {
  const prompt = Array.from({ length: 6 }, (_, index) => index + 3);
  const { logits, cache: before } = await prefill(plain, [prompt]);
  const cache = begin(stepped, await source.read([prompt]), [prompt.length]);
  const padded = assemble([{ cache, row: 0 }], { length: 5, source: 9 });
  for (const [index, spec] of padded.specs.entries()) {
    // Garbage, not zeros: what is hidden must not matter.
    const data = (padded.tensors[index] as Tensor).data as Float32Array | Uint16Array;
    const one = stepped.half ? 0x3c00 : 1;
    if (spec.part === 'own') data.fill(one);
    else {
      for (let outer = 0; outer < spec.outer; outer++) {
        data.fill(one, (outer * padded.source + prompt.length) * spec.inner, (outer + 1) * padded.source * spec.inner);
      }
    }
  }
  const stepOn = createStep(stepped);
  const mask = sourceMask(padded, stepped.stepInputs.get('encoder_attention_mask'));
  let wanted = logits.row(0).slice();
  for (const token of [plain.startId, 4, 7, 5]) {
    if (token !== plain.startId)
      wanted = (await step(plain, plain.past as InferenceSession, before, [token])).row(0).slice();
    const { row, top } = await stepOn(padded, [token], mask, { logits: true, top: 1 });
    const found = row(0);
    if (top && Number(top(0).ids[0]) !== argmax(found)) return false;
    const scale = wanted.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
    // A sum formed in another order may round an eight-bit number the other way, which is seen in the third digit.
    const limit = scale * (stepped.quantized ? 3e-2 : stepped.half ? 1e-2 : 1e-4);
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
  const { first, firstInputs, past, specs, startId } = parts;
  const { hidden, mask, source } = await encode(parts.encoder, parts.padId, prompts);
  const rows = prompts.length;
  const cache = newCache(specs, {
    rows,
    length: 1,
    lengths: prompts.map(() => 1),
    source,
    sources: prompts.map((prompt) => prompt.length),
    prefixes: past ? undefined : prompts.map(() => []),
  });
  const starts = prompts.map(() => startId);
  if (!past) {
    cache.tensors = [hidden];
    return { logits: await readAll(parts, cache, starts), cache };
  }
  const feeds: Record<string, Tensor> = {
    input_ids: whole(firstInputs.get('input_ids'), starts, [rows, 1]),
    encoder_hidden_states: hidden,
    encoder_attention_mask: mask,
  };
  if (first === past) {
    feeds.use_cache_branch = new Tensor('bool', Uint8Array.of(0), [1]);
    // Not read by the branch without a cache, but a graph's inputs must all be there.
    for (const spec of specs)
      if (spec.rank === 4)
        feeds[spec.input] = new Tensor(spec.type, numbers(spec, rows * spec.outer * spec.inner), dims(spec, rows, 1));
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
  { pastInputs, specs }: Parts,
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
  const made = maskOf(cache.sources, cache.source, input);
  cache.masks.set('source', made);
  return made;
}

function only(feeds: Record<string, Tensor>, inputs: ReadonlyMap<string, GraphInput>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));
}
