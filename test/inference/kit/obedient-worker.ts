/** A worker that speaks the encoder's protocol and does what the first id of a row tells it: dies, hangs, throws, or answers. */
import { parentPort, workerData } from 'node:worker_threads';
import type {
  BatchAnswer,
  BatchJob,
  FromWorker,
  ModelShape,
  ToWorker,
  WorkerStart,
} from '../../../inference/protocol.js';

export const DIE = 901;
export const HANG = 902;
export const THROW = 903;
/** Keeps the thread busy for the milliseconds that the second id says, then answers. */
export const BUSY = 904;

/** Answers with the lengths of the first rows it was to warm up with. */
export const TELL = 905;

/** Numbers of a vector; each is the sum of the row's ids. */
export const WIDTH = 4;

function answer({ lengths, ids, reductions }: BatchJob): BatchAnswer {
  const rows: number[] = [];
  const sizes = new Uint32Array(lengths.length);
  let at = 0;
  for (const [row, length] of lengths.entries()) {
    const own = ids.subarray(at, at + length);
    at += length;
    if (own[0] === DIE) process.exit(7);
    if (own[0] === HANG) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // for ever, and costs nothing
    if (own[0] === THROW) throw new Error('as I was told');
    if (own[0] === BUSY) for (const untilMs = performance.now() + (own[1] as number); performance.now() < untilMs; );
    if (own[0] === TELL) {
      const { warm } = workerData as WorkerStart;
      for (let column = 0; column < WIDTH; column++) rows.push(warm[column]?.length ?? 0);
      sizes[row] = WIDTH;
      continue;
    }
    const sum = own.reduce((total, id) => total + id, 0);
    const reduction = reductions[row] as BatchJob['reductions'][number];
    sizes[row] = 'dimensions' in reduction ? reduction.dimensions : WIDTH;
    for (let column = 0; column < (sizes[row] as number); column++) rows.push(sum);
  }
  return { output: Float32Array.from(rows), sizes, computeMs: 1 };
}

const port = parentPort;
if (port) {
  const say = (message: FromWorker<ModelShape, BatchAnswer>): void => port.postMessage(message);
  const { file } = workerData as { file: string };
  if (file.includes('refused')) {
    say({ at: 'refused', reason: 'I do not want to', detail: `${file} is not to my liking` });
  } else if (file.includes('stillborn')) process.exit(3);
  else {
    port.on('message', ({ job, body }: ToWorker<BatchJob>) => {
      try {
        say({ at: 'done', job, body: answer(body) });
      } catch (error) {
        say({ at: 'failed', job, reason: (error as Error).message });
      }
    });
    say({ at: 'ready', body: { output: 'hidden', width: WIDTH, typed: false } });
  }
}
