/**
 * The worker thread of an encoder: the only file (with generate/'s own) that runs onnxruntime. Opens one session, proves it with
 * a warm-up, then answers batches one at a time. session.run is synchronous, which is why it lives here and not on the RPC thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { createDiscard } from './discard.js';
import { giveWay } from './nice.js';
import type { BatchAnswer, BatchJob, FromWorker, ModelShape, ToWorker, WorkerStart } from './protocol.js';
import { reduceRows } from './reduce.js';
import { openSession, Refused } from './session.js';

interface Opened {
  session: InferenceSession;
  shape: ModelShape;
  outputName: string;
  inputs: readonly { name: string; type: 'int64' | 'int32' }[];
}

const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'];
const OUTPUTS: Record<WorkerStart['want'], readonly { name: string; output: ModelShape['output']; rank: number }[]> = {
  vectors: [
    { name: 'last_hidden_state', output: 'hidden', rank: 3 },
    { name: 'token_embeddings', output: 'hidden', rank: 3 },
    { name: 'sentence_embedding', output: 'sentence', rank: 2 },
  ],
  logits: [{ name: 'logits', output: 'logits', rank: 2 }],
  'token-logits': [{ name: 'logits', output: 'token-logits', rank: 3 }],
};

/** What the graph reads and gives, where it is what is wanted. */
function describe(session: InferenceSession, start: WorkerStart): Opened {
  const inputs = session.inputMetadata.map((input) => {
    if (!INPUTS.includes(input.name)) {
      throw new Refused(`it reads an input "${input.name}"; known are ${INPUTS.join(', ')}`);
    }
    if (!input.isTensor || (input.type !== 'int64' && input.type !== 'int32') || input.shape.length !== 2) {
      throw new Refused(`its input "${input.name}" is not a matrix of int64 or int32`);
    }
    return { name: input.name, type: input.type };
  });
  if (!inputs.some(({ name }) => name === 'input_ids')) throw new Refused('it has no input "input_ids"');
  const named = OUTPUTS[start.want];
  // Some exporters number their outputs ("output_0"): where exactly one has the rank of a named one, it is that (see checkWidth).
  const unnamed = named
    .filter(({ output }) => output !== 'sentence')
    .flatMap(({ output, rank }) => {
      const fits = session.outputMetadata.filter((each) => each.isTensor && each.shape.length === rank);
      return fits.length === 1 ? [{ name: (fits[0] as { name: string }).name, output, rank }] : [];
    });
  const known = [...named, ...unnamed];
  for (const { name, output, rank } of known) {
    const found = session.outputMetadata.find((each) => each.name === name);
    if (!found) continue;
    if (!found.isTensor || found.type !== 'float32' || found.shape.length !== rank) {
      throw new Refused(`its output "${name}" is not float32 of ${rank} dimensions`);
    }
    const width = found.shape[rank - 1];
    const typed = inputs.some((input) => input.name === 'token_type_ids');
    return {
      session,
      inputs,
      outputName: name,
      shape: { output, width: typeof width === 'number' ? width : 0, typed },
    };
  }
  throw new Refused(
    `it has none of the outputs ${named.map(({ name }) => name).join(', ')}; it has ${session.outputNames.join(', ')}`,
  );
}

/** By its rank alone an output can be another thing: the scores of a masked-LM head have as many dimensions as hidden states. */
function checkWidth({ shape, outputName }: Opened, { want, width }: WorkerStart): void {
  if (want !== 'vectors' || OUTPUTS.vectors.some(({ name }) => name === outputName) || shape.width === width) return;
  throw new Refused(
    `its output "${outputName}" has ${shape.width} numbers a token where the manifest has vectors of ${width}; scores of a masked-LM head are no vectors: export the model without its head, or say "sparse" in the manifest`,
  );
}

/** Feeds, one session.run, and the rows of its output. */
async function run({ session, shape, outputName, inputs }: Opened, job: BatchJob): Promise<BatchAnswer> {
  const rows = job.lengths.length;
  let width = 1; // A row without tokens still needs a column: padding, masked out.
  for (const length of job.lengths) if (length > width) width = length;
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of inputs) feeds[name] = feed(name, type, job, rows, width);
  const startedMs = performance.now();
  const results = await session.run(feeds, [outputName]);
  const computeMs = performance.now() - startedMs;
  const tensor = results[outputName] as Tensor;
  shape.width = tensor.dims[tensor.dims.length - 1] as number; // symbolic in some exports: the first run tells
  const data = tensor.data as Float32Array;
  const reduced = reduceRows(shape, job, data, width);
  discard(data.buffer as ArrayBuffer);
  return { ...reduced, computeMs };
}

/**
 * One padded input. int64 is written through an Int32Array over the same bytes: ids are below 2^31 and every platform Node runs
 * on is little-endian, so the low word is the number; writing BigInts one by one costs ten times as much.
 */
function feed(name: string, type: 'int64' | 'int32', job: BatchJob, rows: number, width: number): Tensor {
  const stride = type === 'int64' ? 2 : 1;
  const words = scratch(name, rows * width * stride);
  for (let row = 0, from = 0; row < rows; row++) {
    const length = job.lengths[row] as number;
    let at = row * width * stride;
    if (name === 'input_ids') for (let i = 0; i < length; i++, at += stride) words[at] = job.ids[from + i] as number;
    else if (name === 'attention_mask') for (let i = 0; i < length; i++, at += stride) words[at] = 1;
    else if (name === 'position_ids') for (let i = 0; i < length; i++, at += stride) words[at] = i;
    else if (job.typeIds.length > 0)
      for (let i = 0; i < length; i++, at += stride) words[at] = job.typeIds[from + i] as number;
    from += length;
  }
  return type === 'int64'
    ? new Tensor('int64', new BigInt64Array(words.buffer, 0, words.length / 2), [rows, width])
    : new Tensor('int32', words, [rows, width]);
}

/** So many zeros, in memory that the next batch's input of that name will stand in. */
function scratch(name: string, length: number): Int32Array {
  let buffer = buffers.get(name);
  if (buffer === undefined || buffer.byteLength < length * 4) {
    buffer = new ArrayBuffer(Math.max(4_096, length * 8));
    buffers.set(name, buffer);
  }
  return new Int32Array(buffer, 0, length).fill(0);
}

const buffers = new Map<string, ArrayBuffer>();
const discard = createDiscard();

/** A model whose usual batches take seconds is not held back for all of them. */
const WARM_MS_MAX = 5_000;

/**
 * One text, then batches of the shapes that traffic brings (shapes.ts): proves that the graph runs, and lets the arena grow to what it
 * will need (its growth ends with the shapes that are new to it) before anybody waits.
 */
async function warmUp(opened: Opened, { warm }: WorkerStart): Promise<void> {
  const reduction = { kind: 'pool', pooling: 'cls', normalize: false, dimensions: 1, skip: 0 } as const;
  const untilMs = performance.now() + WARM_MS_MAX;
  for (const { rows, length } of [{ rows: 1, length: 1 }, ...warm]) {
    await run(opened, {
      lengths: new Uint32Array(rows).fill(length),
      ids: new Int32Array(rows * length),
      typeIds: new Uint8Array(0),
      reductions: new Array(rows).fill(reduction),
    });
    if (performance.now() > untilMs) return;
  }
}

async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const say = (message: FromWorker<ModelShape, BatchAnswer>, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  const start = workerData as WorkerStart;
  giveWay(start.nice);
  let opened: Opened;
  try {
    opened = await openSession(start, async (session) => {
      const described = describe(session, start);
      await warmUp(described, start);
      checkWidth(described, start);
      return described;
    });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const reason = error instanceof Refused ? detail : 'onnxruntime cannot open or run its graph';
    say({ at: 'refused', reason, detail });
    return;
  }
  port.on('message', ({ job, body }: ToWorker<BatchJob>) => {
    void run(opened, body).then(
      (answer) => say({ at: 'done', job, body: answer }, [answer.output.buffer as ArrayBuffer]),
      (error: unknown) => say({ at: 'failed', job, reason: error instanceof Error ? error.message : String(error) }),
    );
  });
  say({ at: 'ready', body: opened.shape });
}

if (parentPort) void main(parentPort);
