/** The worker of tensor models, which dies or hangs where the first number of a call tells it to. */
import { parentPort } from 'node:worker_threads';
import type { ToWorker } from '../../../inference/protocol.js';
import type { TensorJob } from '../../../inference/tensor/protocol.js';

export const DIE = 901;
export const HANG = 902;

parentPort?.on('message', ({ body }: ToWorker<TensorJob>) => {
  for (const { memory, inputs } of body.calls) {
    const at = inputs[0]?.at ?? 0;
    const first = memory.byteLength < at + 4 ? 0 : new DataView(memory).getFloat32(at, true);
    if (first === DIE) process.exit(7);
    if (first === HANG) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // for ever, and costs nothing
  }
});
await import('../../../inference/tensor/worker.js');
