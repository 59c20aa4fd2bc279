/**
 * The worker thread of a tensor model: one session, calls one batch at a time. Calls of equal shapes are joined along the first
 * axis where the model allows it and their outputs are cut apart again; what cannot be computed together is tried alone, so that
 * a caller's bad tensor is that caller's error.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { giveWay } from '../nice.js';
import type { FromWorker, ToWorker } from '../protocol.js';
import { openSession, Refused } from '../session.js';
import { type ElementType, isElementType } from './element.js';
import type {
  CallAnswer,
  OutputTensor,
  PackedCall,
  PackedTensor,
  TensorAnswer,
  TensorJob,
  TensorReady,
  TensorWorkerStart,
} from './protocol.js';
import { describe, type Signature, type TensorInfo } from './signature.js';

const VIEWS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

interface Opened {
  session: InferenceSession;
  signature: Signature;
  start: TensorWorkerStart;
}

/** What the graph takes and gives, where all of it can be passed and the manifest is right. */
function describeGraph(session: InferenceSession, start: TensorWorkerStart): Opened {
  const read = (kind: string, values: readonly InferenceSession.ValueMetadata[]): TensorInfo[] =>
    values.map((value) => {
      if (!value.isTensor)
        throw new Refused(`its ${kind} "${value.name}" is no tensor, but a sequence, map or optional`);
      if (!isElementType(value.type))
        throw new Refused(`its ${kind} "${value.name}" is of ${value.type}, which cannot be passed`);
      return { name: value.name, type: value.type, shape: [...value.shape] };
    });
  const signature = { inputs: read('input', session.inputMetadata), outputs: read('output', session.outputMetadata) };
  if (start.batchable) {
    const fixed = [...signature.inputs, ...signature.outputs].find(({ shape }) => typeof shape[0] !== 'string');
    if (fixed)
      throw new Refused(`its manifest says batchable, but the first dimension of ${describe(fixed)} is not free`);
    if (signature.inputs.length === 0) throw new Refused('its manifest says batchable, but it has no inputs');
  }
  return { session, signature, start };
}

/**
 * Zeros of the smallest shapes, then of those that calls usually have: lets the arena grow before anybody waits. A graph that refuses
 * them is no worse for it.
 */
async function warmUp({ session, signature, start }: Opened): Promise<void> {
  const smallest = (rows: number): number[][] =>
    signature.inputs.map(({ shape }) =>
      shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? rows : 1)),
    );
  const zeros = ({ name, type }: TensorInfo, dims: readonly number[]): [string, Tensor] => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (count > WARM_ELEMENTS_MAX) throw new Error('too large to warm up with');
    return [
      name,
      tensorOf(type, dims, type === 'string' ? new Array<string>(count).fill('') : new ArrayBuffer(count * 8), count),
    ];
  };
  /** Undefined where it cannot be run. */
  const run = async (dims: readonly (readonly number[])[]): Promise<Record<string, Tensor> | undefined> => {
    try {
      const feeds = signature.inputs.map((input, place) => zeros(input, dims[place] ?? []));
      return (await session.run(Object.fromEntries(feeds))) as Record<string, Tensor>;
    } catch {
      return undefined;
    }
  };
  const untilMs = performance.now() + WARM_MS_MAX;
  const results = (await run(smallest(1))) && (await run(smallest(2)));
  for (const dims of start.warm) if (performance.now() < untilMs) await run(dims);
  if (!results) return;
  const other = start.batchable ? Object.entries(results).find(([, { dims }]) => dims[0] !== 2) : undefined;
  if (other) {
    throw new Refused(
      `its manifest says batchable, but for 2 rows its output "${other[0]}" has ${other[1].dims[0] ?? 'none'}`,
    );
  }
}

const WARM_ELEMENTS_MAX = 2 ** 24;
/** A model whose usual calls take seconds is not held back for all of them. */
const WARM_MS_MAX = 5_000;

/** A tensor over memory of this thread; `memory` holds at least `count` elements. */
function tensorOf(type: ElementType, dims: readonly number[], memory: ArrayBuffer | string[], count: number): Tensor {
  if (type === 'string') return new Tensor('string', memory as string[], dims);
  const view = new VIEWS[type](memory as ArrayBuffer, 0, count);
  return new Tensor(type as 'float32', view as Float32Array, dims);
}

/** One input of a group of calls: their rows one after the other. */
function join(calls: readonly PackedCall[], place: number): Tensor {
  const parts = calls.map(({ inputs }) => inputs[place] as PackedTensor);
  const [{ type, dims }] = parts as [PackedTensor];
  const whole =
    parts.length === 1 ? dims : [parts.reduce((rows, part) => rows + (part.dims[0] as number), 0), ...dims.slice(1)];
  const count = whole.reduce((product, dim) => product * dim, 1);
  if (type === 'string')
    return tensorOf(
      type,
      whole,
      parts.flatMap(({ strings = [] }) => [...strings]),
      count,
    );
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const memory = Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer; // not zeroed first: every byte is written
  const into = new Uint8Array(memory);
  let at = 0;
  parts.forEach((part, index) => {
    into.set(new Uint8Array((calls[index] as PackedCall).memory, part.at, part.bytes), at);
    at += part.bytes;
  });
  return tensorOf(type, whole, memory, count);
}

/** Places of calls that can be one run: same inputs in the same order, same dimensions but for the first. */
function group({ start }: Opened, calls: readonly PackedCall[]): number[][] {
  if (!start.batchable) return calls.map((_, place) => [place]);
  const groups = new Map<string, number[]>();
  calls.forEach(({ inputs }, place) => {
    const key = inputs.map(({ name, dims }) => `${name}:${dims.slice(1).join('x')}`).join('|');
    const found = groups.get(key);
    if (found) found.push(place);
    else groups.set(key, [place]);
  });
  return [...groups.values()];
}

async function perform(opened: Opened, { calls }: TensorJob, transfer: ArrayBuffer[]): Promise<TensorAnswer> {
  const answers: CallAnswer[] = new Array(calls.length);
  const spent = { computeMs: 0, runs: 0 };
  for (const places of group(opened, calls)) {
    const together = places.map((place) => calls[place] as PackedCall);
    let done = await runTogether(opened, together, spent, transfer);
    if (done === undefined) {
      done = [];
      for (const call of together) done.push(...((await runTogether(opened, [call], spent, transfer)) as CallAnswer[]));
    }
    places.forEach((place, index) => {
      answers[place] = (done as CallAnswer[])[index] as CallAnswer;
    });
  }
  return { calls: answers, ...spent };
}

/** One run for all; undefined where several could not be run, or not be told apart afterwards, and each is to be run alone. */
async function runTogether(
  { session, signature, start }: Opened,
  calls: readonly PackedCall[],
  spent: { computeMs: number; runs: number },
  transfer: ArrayBuffer[],
): Promise<CallAnswer[] | undefined> {
  const [first] = calls as [PackedCall];
  const alone = calls.length === 1;
  const wanted = [...new Set(calls.flatMap(({ outputs }) => outputs))];
  const feeds = Object.fromEntries(first.inputs.map(({ name }, place) => [name, join(calls, place)]));
  let results: Record<string, Tensor>;
  const startedMs = performance.now();
  try {
    results = (await session.run(feeds, wanted)) as Record<string, Tensor>;
  } catch (error) {
    return alone ? [{ refused: reasonOf(error) }] : undefined;
  } finally {
    spent.computeMs += performance.now() - startedMs;
    spent.runs++;
    for (const feed of Object.values(feeds)) feed.dispose();
  }
  const rows = start.batchable ? calls.map(({ inputs }) => (inputs[0] as PackedTensor).dims[0] as number) : [1];
  const total = rows.reduce((sum, count) => sum + count, 0);
  if (start.batchable && !alone && wanted.some((name) => results[name]?.dims[0] !== total)) return undefined;
  const taken = wanted.map((name): OutputTensor => {
    const { dims } = results[name] as Tensor;
    const { type } = signature.outputs.find((output) => output.name === name) as TensorInfo;
    const { data } = results[name] as Tensor;
    if (type === 'string') return { name, type, dims, data: data as string[] };
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    return { name, type, dims, data: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength) };
  });
  let from = 0;
  const answers = calls.map(({ outputs }, index): CallAnswer => {
    const count = rows[index] as number;
    const own = taken
      .filter(({ name }) => outputs.includes(name))
      .map((output) => (alone ? output : cut(output, from, count, total)))
      .sort((a, b) => outputs.indexOf(a.name) - outputs.indexOf(b.name));
    from += count;
    const bytes = own.reduce((sum, { data }) => sum + sizeOf(data), 0);
    return bytes > start.outputBytesMax ? { tooLarge: bytes } : { outputs: own, rows: count };
  });
  if (answers.some((answer) => 'outputs' in answer)) {
    for (const { data } of taken) if (data instanceof Uint8Array) transfer.push(data.buffer as ArrayBuffer);
  }
  return answers;
}

/** Rows of an output. */
function cut({ name, type, dims, data }: OutputTensor, from: number, count: number, total: number): OutputTensor {
  const width = total === 0 ? 0 : data.length / total;
  const own = [count, ...dims.slice(1)];
  const [begin, end] = [from * width, (from + count) * width];
  return {
    name,
    type,
    dims: own,
    data: data instanceof Uint8Array ? data.subarray(begin, end) : data.slice(begin, end),
  };
}

function sizeOf(data: Uint8Array | readonly string[]): number {
  return data instanceof Uint8Array ? data.byteLength : data.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** What onnxruntime says of the data, without the places of its own sources: "indices element out of data bounds, idx=9 ...". */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const status = text.split('Status Message: ').pop() as string;
  return status
    .replace(/(?:[A-Za-z]:)?[\\/][^\s:]*(?::\d+)?/g, '')
    .replace(/^.*\bonnxruntime::[^(]*\([^)]*\)(?: const)?(?: \[with [^\]]*\])?/s, '') // the function it stood in
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 400);
}

async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const say = (message: FromWorker<TensorReady, TensorAnswer>, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  const start = workerData as TensorWorkerStart;
  giveWay(start.nice);
  let opened: Opened;
  try {
    opened = await openSession(start, async (session) => {
      const described = describeGraph(session, start);
      await warmUp(described);
      return described;
    });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const type = /Unsupported data type: (\d+)/.exec(detail)?.[1];
    const reason = type
      ? `it has a tensor of ONNX element type ${type}, which onnxruntime-node cannot pass`
      : error instanceof Refused
        ? detail
        : 'onnxruntime cannot open its graph';
    say({ at: 'refused', reason, detail });
    return;
  }
  port.on('message', ({ job, body }: ToWorker<TensorJob>) => {
    const transfer: ArrayBuffer[] = [];
    void perform(opened, body, transfer).then(
      (answer) => say({ at: 'done', job, body: answer }, [...new Set(transfer)]),
      (error: unknown) => say({ at: 'failed', job, reason: error instanceof Error ? error.message : String(error) }),
    );
  });
  say({ at: 'ready', body: opened.signature });
}

if (parentPort) void main(parentPort);
