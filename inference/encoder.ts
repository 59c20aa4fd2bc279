/**
 * A model that reads tokens and gives one vector or one row of logits a text: transformers, averaged word vectors, n-gram models.
 * Puts the parts of this room together: tokenizer on the RPC thread (in slices), queue and scheduler there too, sessions in the
 * worker threads. Knows nothing of embeddings or labels as services see them.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';
import { type Pooling, requireWeightFile, type StoredModel } from '../models/index.js';
import { usableCores } from './cores.js';
import type { Running } from './hub.js';
import { openTokenizer } from './open-tokenizer.js';
import { createPool } from './pool.js';
import type { BatchAnswer, BatchJob, ModelShape, WorkerStart } from './protocol.js';
import type { Input } from './quarantine.js';
import { createRecorder } from './recorder.js';
import { createScheduler, type RunOptions, type RunTimings } from './scheduler.js';
import type { InferenceSettings } from './settings.js';
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
    }
  | { kind: 'logits' };

export interface EncoderOutput {
  /** A view of the batch's memory: copy it if you keep it for long. */
  output: Float32Array;
  timings: RunTimings;
}

export interface EncoderModel extends Running {
  readonly tokenizer: Tokenizer;
  /** What the graph gives: 'hidden' can be pooled in every way, 'sentence' was pooled by the model, 'logits' are labels' scores. */
  readonly shape: Readonly<ModelShape>;
  /** Turns texts into token ids without holding up the thread; counted in the statistics. */
  readonly texts: TextReader;
  /** Rejects with the signal's reason, DEADLINE_EXCEEDED, QUEUE_FULL, MODEL_FAILED, INPUT_QUARANTINED, SHUTTING_DOWN. */
  run(input: EncoderInput, post: Post, options: RunOptions): Promise<EncoderOutput>;
  /** The same for many texts, which enter the queue together or not at all; the first that fails fails all. */
  runAll(inputs: readonly EncoderInput[], post: Post, options: RunOptions): Promise<EncoderOutput[]>;
}

export interface EncoderOptions {
  clock?: Clock;
  /** The worker script; tests bring one that dies when asked to. */
  script?: URL;
}

/** A text in the queue, with what is wanted of it: texts of different wishes share a batch. */
interface Item extends Input {
  readonly ids: Int32Array;
  readonly typeIds: Uint8Array | undefined;
  readonly pooling: Pooling;
  readonly normalize: boolean;
  readonly dimensions: number;
}

const WORKER = new URL('./worker.js', import.meta.url);

/** Opens the model: MODEL_UNSUPPORTED where it cannot be run, with the reason; MODEL_FAILED where a worker dies over it. */
export async function openEncoder(
  model: StoredModel,
  given: InferenceSettings,
  options: EncoderOptions = {},
): Promise<EncoderModel> {
  const { clock = systemClock } = options;
  const name = `${model.manifest.name}@${model.manifest.version}`;
  const { settings, precision = model.manifest.precision } = await tunedSettings(given, name);
  const manifest = { ...model.manifest, precision };
  const weights = requireWeightFile(manifest, 'model');
  const tokenizer = await openTokenizer(model);
  const workers = settings.workers || usableCores();
  const start: WorkerStart = {
    file: join(model.folder, weights),
    threads: settings.threads,
    tokensMax: manifest.maxTokens,
    want: manifest.task === 'classify' ? 'logits' : 'vectors',
  };
  const pool = createPool<BatchJob, BatchAnswer, ModelShape>({
    name,
    script: options.script ?? WORKER,
    start,
    size: workers,
    hangMs: settings.hangMs,
    startMs: settings.startMs,
    clock,
    onUp: () => scheduler.onUp(),
  });
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
        const verdict = await pool.run(job, [job.ids.buffer as ArrayBuffer]);
        if (verdict.at !== 'done') return verdict;
        const { output, computeMs } = verdict.body;
        return { at: 'done', body: { outputs: unpack(items, output, shape), computeMs } };
      },
    },
    settings,
    clock,
  });
  let shape: ModelShape;
  try {
    shape = await pool.start();
  } catch (error) {
    await pool.close();
    throw error;
  }
  const texts = createTextReader({ name, tokenizer, folder: model.folder, settings, clock });
  const { recordFile, recordBytesMax } = settings;
  const recorder = recordFile
    ? createRecorder({ model: name, file: recordFile, bytesMax: recordBytesMax, clock })
    : undefined;
  // External data ("model.onnx_data") is opened by onnxruntime from beside the graph.
  const weightBytes = manifest.files
    .filter(({ path }) => path === weights || path.startsWith(`${weights}_data`))
    .reduce((sum, { bytes }) => sum + bytes, 0);

  const runAll: EncoderModel['runAll'] = async (inputs, post, options) => {
    const made = inputs.map((input, index) => toItem(name, manifest.maxTokens, shape, input, post, index));
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
      const post: Post = shape.output === 'logits' ? { kind: 'logits' } : { kind: 'pool', pooling: 'mean' };
      const ids = new Int32Array(Math.min(8, manifest.maxTokens));
      const { output } = await run({ ids }, post, { signal, deadlineMs: Number.POSITIVE_INFINITY });
      if (output.length !== shape.width) {
        throw new MeshError('MODEL_UNSUPPORTED', `${name} gave ${output.length} numbers where it said ${shape.width}`);
      }
    },
    stats: () => ({
      ...scheduler.stats(),
      tokenizeNs: texts.spentNs,
      memoryBytes: weightBytes * workers, // arenas and the tokenizer come on top; only the process as a whole can be measured
      generatedTokens: 0,
    }),
    async close() {
      scheduler.close();
      await Promise.all([texts.close(), pool.close(), recorder?.close()]);
    },
  };
}

function toItem(
  name: string,
  tokensMax: number,
  shape: ModelShape,
  { ids, typeIds }: EncoderInput,
  post: Post,
  index: number,
): Item {
  if (ids.length > tokensMax) {
    throw new MeshError(
      'TEXT_TOO_LONG',
      `text ${index} of the request has ${ids.length} tokens; ${name} takes ${tokensMax}`,
    );
  }
  if ((post.kind === 'logits') !== (shape.output === 'logits')) {
    throw new MeshError('MODEL_WRONG_TASK', `${name} gives ${shape.output === 'logits' ? 'labels' : 'vectors'}`);
  }
  const given = shape.typed ? typeIds : undefined;
  const input = {
    ids,
    typeIds: given,
    weight: ids.length,
    identity: () => [new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), ...(given ? [given] : [])],
  };
  if (post.kind === 'logits') return { ...input, pooling: 'mean', normalize: false, dimensions: shape.width };
  const dimensions = Math.min(shape.width, post.dimensions || shape.width);
  return { ...input, pooling: post.pooling, normalize: post.normalize ?? false, dimensions };
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
    poolings: items.map(({ pooling }) => pooling),
    dimensions: new Uint32Array(items.length),
    normalize: new Uint8Array(items.length),
  };
  for (let row = 0, at = 0; row < items.length; row++) {
    const { ids, typeIds, dimensions, normalize } = items[row] as Item;
    job.lengths[row] = ids.length;
    job.ids.set(ids, at);
    if (typeIds) job.typeIds.set(typeIds, at);
    job.dimensions[row] = dimensions;
    job.normalize[row] = normalize ? 1 : 0;
    at += ids.length;
  }
  return job;
}

function unpack(items: readonly Item[], output: Float32Array, shape: ModelShape): Float32Array[] {
  let at = 0;
  return items.map(({ dimensions }) => {
    const length = shape.output === 'logits' ? shape.width : dimensions;
    at += length;
    return output.subarray(at - length, at);
  });
}
