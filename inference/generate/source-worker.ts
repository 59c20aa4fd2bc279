/** The thread that reads prompts for a generator's worker: encoder, and keys and values of what it gives. */
import { parentPort, workerData } from 'node:worker_threads';
import { type FromSource, openSource, type SourceStart, type ToSource } from './source.js';

async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const source = await openSource(workerData as SourceStart);
  port.on('message', (message: ToSource) => {
    if (message.at === 'leave') process.exit(0);
    const { id } = message;
    source.read(message.prompts).then(
      (parts) => {
        // Copied out of onnxruntime's memory, which cannot change hands; the copies do.
        const owned = parts.map((part) => ({ ...part, data: part.data.slice() }));
        port.postMessage(
          { at: 'read', id, parts: owned } satisfies FromSource,
          owned.map(({ data }) => data.buffer as ArrayBuffer),
        );
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        port.postMessage({ at: 'failed', id, reason } satisfies FromSource);
      },
    );
  });
  port.postMessage({ at: 'ready' } satisfies FromSource);
}

if (parentPort) void main(parentPort);
