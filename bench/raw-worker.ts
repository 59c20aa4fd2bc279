/** The limit to compare with: onnxruntime in a thread, one after the other over ready-made batches that are shared out by a counter. */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface RawStart {
  file: string;
  /** Index of the next batch, shared by all threads. */
  next: Int32Array;
  /** Rows of equal padded width, one after the other, and that width. */
  batches: { ids: Int32Array; lengths: Uint32Array; width: number }[];
}

const { file, next, batches } = workerData as RawStart;
const port = parentPort as NonNullable<typeof parentPort>;
const session = await InferenceSession.create(file, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
});

const feeds = batches.map(({ ids, lengths, width }) => {
  const dims = [lengths.length, width];
  const mask = new BigInt64Array(ids.length);
  for (const [row, length] of lengths.entries()) mask.fill(1n, row * width, row * width + length);
  const all: Record<string, Tensor> = {
    input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), dims),
    attention_mask: new Tensor('int64', mask, dims),
    token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), dims),
  };
  return Object.fromEntries(session.inputNames.map((name) => [name, all[name] as Tensor]));
});
const output = session.outputNames.includes('last_hidden_state')
  ? 'last_hidden_state'
  : (session.outputNames[0] as string);

port.on('message', async () => {
  for (let index = Atomics.add(next, 0, 1); index < feeds.length; index = Atomics.add(next, 0, 1)) {
    const results = await session.run(feeds[index] as Record<string, Tensor>, [output]);
    results[output]?.dispose();
  }
  port.postMessage('done');
});
port.postMessage('ready');
