/**
 * A model that reads tokens and gives vectors or logits, of a text or of each token: transformers, averaged word vectors, n-gram
 * models.
 * Puts the parts of this room together: tokenizer on the RPC thread (in slices), queue and scheduler there too, sessions in the
 * worker threads. Knows nothing of embeddings or labels as services see them.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';
import { type Pooling, requireWeightFile, type StoredModel } from '../models/index.js';
import { usableCores } from './cores.js';
import type { Running } from './hub.js';
import { fastest, givenLayout, type Layout, layouts, rememberedLayout } from './layout.js';
import { takeForWorkers } from './memory.js';
import { openTokenizer } from './open-tokenizer.js';
import { createPool, type Pool } from './pool.js';
import { pooledWidth } from './pooling.js';
import { probe } from './probe.js';
import type { BatchAnswer, BatchJob, ModelShape, Reduction, WorkerStart } from './protocol.js';
import type { Input } from './quarantine.js';
import { createRecorder } from './recorder.js';
import { createScheduler, type RunOptions, type RunTimings } from './scheduler.js';
import type { InferenceSettings } from './settings.js';
import { createShapes, shapeOf, usualShapes, warmShapes } from './shapes.js';
import { type SparseOptions, scoreBytes, scoredTokensMax } from './sparse.js';
import { createTextReader, type TextReader } from './texts.js';
import type { Tokenizer } from './tokenizer/index.js';
import { tunedSettings } from './tuning.js';

/** One text, as the model reads it. */
export interface EncoderInput {
  /** With special tokens; at most the manifest's maxTokens. */
  ids: Int32Array;
  /** Absent: all 0. */
  typeIds?: Uint8Array;
}

/** What is wanted of each text. */
export type Post =
  | {
      kind: 'pool';
      pooling: Pooling;
      /** Scaled to length 1, after the dimensions were cut. Default false. */
      normalize?: boolean;
      /** The first so many numbers only; 0 or absent: all. */
      dimensions?: number;
      /** Leading tokens that are not pooled: those of a prompt. Default 0. */
      skip?: number;
    }
  /** A vector a token, one after the other; where the model labels tokens, the logits of each. */
  | { kind: 'tokens'; normalize?: boolean; dimensions?: number }
  /** Weights of the vocabulary: id, weight, id, weight, ... heaviest first. */
  | ({ kind: 'sparse' } & SparseOptions)
  | { kind: 'logits' };

export interface EncoderOutput {
  /** A view of the batch's memory: copy it if you keep it for long. */
  output: Float32Array;
  timings: RunTimings;
}

export interface EncoderModel extends Running {
  readonly tokenizer: Tokenizer;
  /** What the graph gives: 'hidden' can be pooled in every way, 'sentence' was pooled by the model, logits are scores of a text or of each token. */
  readonly shape: Readonly<ModelShape>;
  /** Turns texts into token ids without holding up the thread; counted in the statistics. */
  readonly texts: TextReader;
  /** Rejects with the signal's reason, DEADLINE_EXCEEDED, QUEUE_FULL, MODEL_FAILED, INPUT_QUARANTINED, SHUTTING_DOWN. */
  run(input: EncoderInput, post: Post, options: RunOptions): Promise<EncoderOutput>;
  /** The same for many texts, which enter the queue together or not at all; the first that fails fails all. `post`: of all, or one each. */
  runAll(inputs: readonly EncoderInput[], post: Post | readonly Post[], options: RunOptions): Promise<EncoderOutput[]>;
}

export interface EncoderOptions {
  clock?: Clock;
  /** Cores there are; tests say other numbers. */
  cores?: number;
  /** The worker script; tests bring one that dies when asked to. */
  script?: URL;
}

/** A text in the queue, with what is wanted of it: texts of different wishes share a batch. */
interface Item extends Input {
  readonly ids: Int32Array;
  readonly typeIds: Uint8Array | undefined;
  readonly reduction: Reduction;
}

const WORKER = new URL('./worker.js', import.meta.url);
/** Smaller memory is copied to the worker: to hand it over costs 15 us more than that. */
const COPIED_BYTES_MAX = 16_384;
/** Wishes that are remembered; there are a handful. */
const SHARED_MAX = 64;

/** Opens the model: MODEL_UNSUPPORTED where it cannot be run, with the reason; MODEL_FAILED where a worker dies over it. */
export async function openEncoder(
  model: StoredModel,
  given: InferenceSettings,
  options: EncoderOptions = {},
): Promise<EncoderModel> {
  const { clock = systemClock } = options;
  const name = `${model.manifest.name}@${model.manifest.version}`;
  const { settings: tuned, precision = model.manifest.precision } = await tunedSettings(given, name);
  const { embed, latencyTargetMs = tuned.latencyTargetMs } = model.manifest;
  const batchTokensMax = embed?.sparse ? scoredTokensMax(tuned.batchTokensMax, embed.dimensions) : tuned.batchTokensMax;
  const settings = { ...tuned, latencyTargetMs, batchTokensMax };
  const manifest = { ...model.manifest, precision };
  const weights = requireWeightFile(manifest, 'model');
  const runBytes = embed?.sparse ? scoreBytes(Math.max(batchTokensMax, manifest.maxTokens), embed.dimensions) : 0;
  const take = (workers: number): { bytes: number; giveBack: () => void } =>
    takeForWorkers(manifest, weights, workers, settings, runBytes);
  const weightsId = `${manifest.digest} ${weights}`;
  const shapesFile = settings.preparedFolder && join(settings.preparedFolder, 'shapes.json');
  const start: Omit<WorkerStart, 'threads'> = {
    file: join(model.folder, weights),
    prepared: settings.preparedFolder ? { cache: settings.preparedFolder, digest: manifest.digest } : undefined,
    nice: settings.workerNice,
    warm: warmShapes(shapesFile === '' ? [] : await usualShapes(shapesFile, weightsId), {
      tokensMax: manifest.maxTokens,
      batchTokensMax,
    }),
    want: wantOf(model),
    width: vectorWidth(model),
  };
  const createWorkers = ({ workers, threads }: Layout, onUp: () => void): Pool<BatchJob, BatchAnswer, ModelShape> =>
    createPool({
      name,
      script: options.script ?? WORKER,
      start: { ...start, threads } satisfies WorkerStart,
      size: workers,
      hangMs: settings.hangMs,
      startMs: settings.startMs,
      clock,
      onUp,
    });
  /** Tokens a millisecond; takes as long as a load. */
  const speedOf = async (layout: Layout): Promise<number> => {
    const { giveBack } = take(layout.workers);
    const pool = createWorkers(layout, () => {});
    try {
      await pool.start();
      return await probe(pool, layout, manifest.maxTokens);
    } finally {
      await pool.close();
      giveBack();
    }
  };
  const layout = await layoutOf(settings, weightsId, options.cores ?? usableCores(), speedOf);
  const { bytes: memoryBytes, giveBack } = take(layout.workers);
  const ran = shapesFile ? createShapes({ file: shapesFile, model: weightsId, clock }) : undefined;
  const pool = createWorkers(layout, () => scheduler.onUp());
  const scheduler = createScheduler<Item, Float32Array>({
    name,
    units: { item: 'text', items: 'texts', weight: 'tokens' },
    runner: {
      get idle() {
        return pool.idle;
      },
      get up() {
        return pool.up;
      },
      get failing() {
        return pool.failing;
      },
      async run(items) {
        const job = pack(items);
        ran?.note(
          shapeOf(
            items.length,
            job.lengths.reduce((most, length) => Math.max(most, length), 1),
          ),
        );
        const verdict = await pool.run(
          job,
          job.ids.byteLength > COPIED_BYTES_MAX ? [job.ids.buffer as ArrayBuffer] : [],
        );
        if (verdict.at !== 'done') return verdict;
        return { at: 'done', body: { outputs: unpack(verdict.body), computeMs: verdict.body.computeMs } };
      },
    },
    settings,
    clock,
  });
  let shape: ModelShape;
  let tokenizer: Tokenizer;
  try {
    tokenizer = await openTokenizer(model);
    shape = await pool.start();
  } catch (error) {
    await pool.close();
    giveBack();
    throw error;
  }
  const texts = createTextReader({ name, tokenizer, folder: model.folder, settings, clock });
  const { recordFile, recordBytesMax } = settings;
  const recorder = recordFile
    ? createRecorder({ model: name, file: recordFile, bytesMax: recordBytesMax, clock })
    : undefined;
  const wishes = new Map<string, Reduction>();
  /** Equal wishes are one object, also over requests: what rows share crosses to the worker once. */
  const shared = (reduction: Reduction): Reduction => {
    const key = JSON.stringify(reduction);
    const known = wishes.get(key) ?? reduction;
    if (wishes.size >= SHARED_MAX) wishes.clear();
    wishes.set(key, known);
    return known;
  };

  const runAll: EncoderModel['runAll'] = async (inputs, post, options) => {
    const reductions = [post].flat().map((each) => shared(toReduction(name, shape, each)));
    const made = inputs.map((input, index) =>
      toItem(name, manifest.maxTokens, shape, input, (reductions[index] ?? reductions[0]) as Reduction, index),
    );
    recorder?.note(inputs.map(({ ids }) => ids.length));
    return scheduler.submit(made, options);
  };
  const run: EncoderModel['run'] = async (input, post, options) => {
    const [output] = await runAll([input], post, options);
    return output as EncoderOutput;
  };

  return {
    manifest,
    tokenizer,
    shape,
    texts,
    runAll,
    run,
    async warmUp(signal) {
      // The workers have run the graph already; this proves the way there and back.
      const ids = new Int32Array(Math.min(8, manifest.maxTokens));
      const [post, expected] = warmUpOf(shape, ids.length);
      const { output } = await run({ ids }, post, { signal, deadlineMs: Number.POSITIVE_INFINITY });
      if (output.length !== expected) {
        throw new MeshError('MODEL_UNSUPPORTED', `${name} gave ${output.length} numbers where it said ${expected}`);
      }
    },
    stats: () => ({
      ...scheduler.stats(),
      tokenizeNs: texts.spentNs,
      memoryBytes, // as reckoned; only the process as a whole can be measured
      generatedTokens: 0,
    }),
    async close() {
      scheduler.close();
      await Promise.all([texts.close(), pool.close(), recorder?.close(), ran?.close()]);
      giveBack();
    },
  };
}

/** What the settings say, else what was measured: workers first, then threads. */
async function layoutOf(
  settings: InferenceSettings,
  model: string,
  cores: number,
  speedOf: (layout: Layout) => Promise<number>,
): Promise<Layout> {
  const given = givenLayout(settings, cores);
  if (given) return given;
  const [first, ...others] = layouts(cores) as [Layout, ...Layout[]];
  if (others.length === 0 || settings.preparedFolder === '') return first;
  const file = join(settings.preparedFolder, 'layouts.json');
  return rememberedLayout(file, model, cores, () => fastest([first, ...others], speedOf));
}

/** What the graph of a model of this manifest must give. */
function wantOf({ manifest: { task, embed, classify } }: StoredModel): WorkerStart['want'] {
  if (task === 'classify') return classify?.level === 'token' ? 'token-logits' : 'logits';
  return embed?.sparse ? 'token-logits' : 'vectors';
}

/** Numbers of a vector of a token, by the manifest; 0 where it gives none. */
function vectorWidth({ manifest: { embed } }: StoredModel): number {
  return embed && !embed.sparse ? embed.dimensions / pooledWidth(embed.pooling, 1) : 0;
}

/** The smallest run that touches everything, and how many numbers it gives. */
function warmUpOf(shape: ModelShape, tokens: number): [Post, number] {
  switch (shape.output) {
    case 'logits':
      return [{ kind: 'logits' }, shape.width];
    case 'token-logits':
      return [{ kind: 'tokens' }, shape.width * tokens];
    default:
      return [{ kind: 'pool', pooling: 'mean' }, shape.width];
  }
}

const GIVES: Readonly<Record<ModelShape['output'], string>> = {
  hidden: 'vectors',
  sentence: 'one vector a text',
  logits: 'labels',
  'token-logits': 'scores a token',
};
const GIVEN_BY: Readonly<Record<Post['kind'], readonly ModelShape['output'][]>> = {
  pool: ['hidden', 'sentence'],
  tokens: ['hidden', 'token-logits'],
  sparse: ['token-logits'],
  logits: ['logits'],
};

/** Complete, and one object for all texts of a request. MODEL_WRONG_TASK where the graph does not give it. */
function toReduction(name: string, shape: ModelShape, post: Post): Reduction {
  if (!GIVEN_BY[post.kind].includes(shape.output)) {
    throw new MeshError('MODEL_WRONG_TASK', `${name} gives ${GIVES[shape.output]}`);
  }
  if (post.kind === 'logits' || post.kind === 'sparse') return post;
  const whole = post.kind === 'pool' ? pooledWidth(post.pooling, shape.width) : shape.width;
  const dimensions = Math.min(whole, post.dimensions || whole);
  const normalize = post.normalize ?? false;
  if (post.kind === 'tokens') return { kind: 'tokens', normalize, dimensions };
  return { kind: 'pool', pooling: post.pooling, normalize, dimensions, skip: post.skip ?? 0 };
}

function toItem(
  name: string,
  tokensMax: number,
  shape: ModelShape,
  { ids, typeIds }: EncoderInput,
  reduction: Reduction,
  index: number,
): Item {
  if (ids.length > tokensMax) {
    throw new MeshError(
      'TEXT_TOO_LONG',
      `text ${index} of the request has ${ids.length} tokens; ${name} takes ${tokensMax}`,
    );
  }
  const given = shape.typed ? typeIds : undefined;
  return {
    ids,
    typeIds: given,
    weight: ids.length,
    identity: () => [new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), ...(given ? [given] : [])],
    reduction,
  };
}

/** Rows one after the other, without padding: what is moved to the worker is what has been read. */
function pack(items: readonly Item[]): BatchJob {
  let total = 0;
  let typed = false;
  for (const { ids, typeIds } of items) {
    total += ids.length;
    typed ||= typeIds !== undefined;
  }
  const job = {
    lengths: new Uint32Array(items.length),
    ids: new Int32Array(total),
    typeIds: new Uint8Array(typed ? total : 0),
    reductions: items.map(({ reduction }) => reduction),
  };
  for (let row = 0, at = 0; row < items.length; row++) {
    const { ids, typeIds } = items[row] as Item;
    job.lengths[row] = ids.length;
    job.ids.set(ids, at);
    if (typeIds) job.typeIds.set(typeIds, at);
    at += ids.length;
  }
  return job;
}

function unpack({ output, sizes }: BatchAnswer): Float32Array[] {
  let at = 0;
  return Array.from(sizes, (size) => {
    at += size;
    return output.subarray(at - size, at);
  });
}
