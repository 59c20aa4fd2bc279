/** The thread for long texts: a tokenizer of its own, one job at a time. No onnxruntime here. */
import { parentPort, workerData } from 'node:worker_threads';
import { type PackedEncoding, packedBuffers } from './packed-encoding.js';
import type { FromWorker, ToWorker } from './protocol.js';
import { performTextJob, type TextAnswers, type TextJob, type TextRefused } from './text-job.js';
import { loadTokenizer } from './tokenizer/index.js';

export interface TextWorkerStart {
  /** Folder of the model. */
  folder: string;
}

async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const say = (
    message: FromWorker<true, TextAnswers[TextJob['kind']] | TextRefused>,
    transfer: ArrayBuffer[] = [],
  ): void => port.postMessage(message, transfer);
  const { folder } = workerData as TextWorkerStart;
  const tokenizer = await loadTokenizer(folder);
  port.on('message', ({ job, body }: ToWorker<TextJob>) => {
    try {
      const answer = performTextJob(tokenizer, body);
      const packed = body.kind === 'encode' && !('refused' in (answer as object));
      say({ at: 'done', job, body: answer }, packed ? packedBuffers(answer as PackedEncoding) : []);
    } catch (error) {
      say({ at: 'failed', job, reason: error instanceof Error ? error.message : String(error) });
    }
  });
  say({ at: 'ready', body: true });
}

if (parentPort) void main(parentPort);
