/**
 * Any ONNX model as it is: named tensors in, named tensors out. The same queue, workers and quarantine as for texts; calls of a
 * model whose manifest says `batchable` share runs, those of others run one at a time a worker.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { requireWeightFile, type StoredModel } from '../../models/index.js';
import { usableCores } from '../cores.js';
import type { Running } from '../hub.js';
import { givenLayout, type Layout, layouts } from '../layout.js';
import { takeForWorkers } from '../memory.js';
import { createPool } from '../pool.js';
import type { Input } from '../quarantine.js';
import { createScheduler, type RunOptions, type RunTimings } from '../scheduler.js';
import type { InferenceSettings } from '../settings.js';
import { createShapes, dimsOfCall, shapeOfCall, usualShapes } from '../shapes.js';
import { pack } from './pack.js';
import type {
  CallAnswer,
  OutputTensor,
  PackedCall,
  TensorAnswer,
  TensorJob,
  TensorReady,
  TensorWorkerStart,
} from './protocol.js';
import type { TensorSettings } from './settings.js';
import { checkInputs, checkOutputs, type Fields, type Signature, type Tensor } from './signature.js';

export interface TensorCall {
  inputs: readonly Tensor[];
  /** Names; empty: all. */
  outputs: readonly string[];
  fields: Fields;
}

export interface TensorResult {
  /** In the order asked for. Views of a run's memory: they are copied when they are written to the wire. */
  outputs: OutputTensor[];
  /** Rows of the first axis where the model is batchable, else 1. */
  rows: number;
  timings: RunTimings;
}

export interface TensorModel extends Running {
  readonly signature: Signature;
  readonly batchable: boolean;
  /** Rejects with FIELD_INVALID and FIELD_REQUIRED where the call does not fit the graph, MODEL_FAILED, and what the queue says. */
  infer(call: TensorCall, options: RunOptions): Promise<TensorResult>;
}

export interface TensorModelOptions {
  clock?: Clock;
  /** The worker script; tests bring one that dies when asked to. */
  script?: URL;
}

interface Item extends Input, PackedCall {}

const WORKER = new URL('./worker.js', import.meta.url);
/** The most usual ones: calls of images take long enough. */
const WARM_SHAPES_MAX = 8;

/** Opens the model: MODEL_UNSUPPORTED where it cannot be run, with the reason; MODEL_FAILED where a worker dies over it. */
export async function openTensorModel(
  model: StoredModel,
  settings: InferenceSettings & TensorSettings,
  options: TensorModelOptions = {},
): Promise<TensorModel> {
  const { clock = systemClock } = options;
  const { manifest } = model;
  const name = `${manifest.name}@${manifest.version}`;
  const weights = requireWeightFile(manifest, 'model');
  const cores = usableCores();
  const { workers, threads } = givenLayout(settings, cores) ?? (layouts(cores)[0] as Layout);
  const batchable = manifest.infer?.batchable ?? false;
  const weightsId = `${manifest.digest} ${weights}`;
  const shapesFile = settings.preparedFolder && join(settings.preparedFolder, 'shapes.json');
  const usual = shapesFile === '' ? [] : await usualShapes(shapesFile, weightsId);
  const start: TensorWorkerStart = {
    file: join(model.folder, weights),
    prepared: settings.preparedFolder ? { cache: settings.preparedFolder, digest: manifest.digest } : undefined,
    nice: settings.workerNice,
    threads,
    batchable,
    outputBytesMax: settings.tensorOutputBytesMax,
    warm: usual.slice(0, WARM_SHAPES_MAX).flatMap((shape) => {
      const dims = dimsOfCall(shape);
      return dims ? [dims] : [];
    }),
  };
  const ran = shapesFile ? createShapes({ file: shapesFile, model: weightsId, clock }) : undefined;
  const { bytes: memoryBytes, giveBack } = takeForWorkers(manifest, weights, workers, settings);
  const pool = createPool<TensorJob, TensorAnswer, TensorReady>({
    name,
    script: options.script ?? WORKER,
    start,
    size: workers,
    hangMs: settings.hangMs,
    startMs: settings.startMs,
    clock,
    onUp: () => scheduler.onUp(),
  });
  let runs = 0;
  let refused = 0;
  const scheduler = createScheduler<Item, CallAnswer>({
    name,
    units: { item: 'call', items: 'calls', weight: 'KiB' },
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
        const calls = items.map(({ memory, inputs, outputs }) => ({ memory, inputs, outputs }));
        const verdict = await pool.run({ calls }, []);
        if (verdict.at !== 'done') return verdict;
        runs += verdict.body.runs;
        return { at: 'done', body: { outputs: verdict.body.calls, computeMs: verdict.body.computeMs } };
      },
    },
    settings: {
      batchTokensMax: settings.tensorBatchKibMax,
      batchRowsMax: batchable ? settings.tensorBatchCallsMax : 1,
      windowMax: settings.windowMax,
      queueEntriesMax: settings.tensorQueueCallsMax,
      queueTokensMax: settings.tensorQueueKibMax,
      quarantineMs: settings.quarantineMs,
      latencyTargetMs: manifest.latencyTargetMs ?? settings.latencyTargetMs,
      tenantsMax: settings.tenantsMax,
      tenantShares: settings.tenantShares,
    },
    clock,
  });
  let signature: Signature;
  try {
    signature = await pool.start();
  } catch (error) {
    await pool.close();
    giveBack();
    throw error;
  }

  return {
    manifest,
    signature,
    batchable,
    async infer(call, run) {
      checkInputs(signature, call.inputs, {
        name,
        batched: batchable,
        elementsMax: settings.tensorElementsMax,
        bytesMax: settings.tensorInputBytesMax,
        fields: call.fields,
      });
      const outputs = checkOutputs(signature, call.outputs, { name, fields: call.fields });
      // In the graph's own order, so that calls which name them in another one can still share a run.
      const ordered = signature.inputs.map(({ name }) => call.inputs.find((input) => input.name === name) as Tensor);
      const { memory, inputs, bytes } = await pack(ordered, run.signal, clock);
      ran?.note(shapeOfCall(ordered));
      const item: Item = {
        memory,
        inputs,
        outputs,
        weight: Math.ceil(bytes / 1024),
        identity: () => identity(memory, inputs),
      };
      const [answered] = await scheduler.submit([item], run);
      const { output, timings } = answered as { output: CallAnswer; timings: RunTimings };
      if ('outputs' in output) return { ...output, timings };
      refused++;
      const facts = { model: name };
      if ('refused' in output) {
        throw new MeshError('MODEL_FAILED', `${name} cannot compute these inputs: ${output.refused}`, { facts });
      }
      throw new MeshError(
        'MESSAGE_TOO_LARGE',
        `${name}: the outputs have ${output.tooLarge} bytes, more than the ${settings.tensorOutputBytesMax} of an answer; send fewer rows, or name fewer outputs`,
        { facts },
      );
    },
    async warmUp() {
      // The workers have run the graph with zeros, where it takes them, of the shapes that calls usually have.
    },
    stats() {
      const { failures, batches, ...counts } = scheduler.stats();
      return {
        ...counts,
        failures: failures + refused,
        batches: Math.max(batches, runs),
        tokenizeNs: 0,
        memoryBytes, // as reckoned: what the runs of large inputs take comes on top
        generatedTokens: 0,
      };
    },
    async close() {
      scheduler.close();
      await Promise.all([pool.close(), ran?.close()]);
      giveBack();
    },
  };
}

function identity(memory: SharedArrayBuffer, inputs: PackedCall['inputs']): Uint8Array[] {
  const shapes = JSON.stringify(inputs.map(({ name, dims, strings }) => [name, dims, strings]));
  return [Buffer.from(shapes), new Uint8Array(memory)];
}
