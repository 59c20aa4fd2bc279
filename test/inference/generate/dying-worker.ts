/** The worker of a generator, which dies when it is asked to decode 13, 13, 13. */
import { parentPort } from 'node:worker_threads';
import type { ToGenerator } from '../../../inference/generate/protocol.js';

parentPort?.on('message', (message: ToGenerator) => {
  if (message.at === 'submit' && message.job.input.join() === '13,13,13') process.exit(3);
});
await import('../../../inference/generate/worker.js');
