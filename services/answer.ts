/** What every answer of a capability carries: who answered, what it consumed, where the time went; as fields and as trailers. */
import type { CallContext } from '../chassis/call.js';
import type { Clock } from '../chassis/clock.js';
import type { Hub, Running, RunTimings } from '../inference/index.js';
import type { Manifest } from '../models/index.js';
import type { ServedModel } from '../protos/gen/plexus/v1/ServedModel.js';
import type { Timings } from '../protos/gen/plexus/v1/Timings.js';
import type { Usage } from '../protos/gen/plexus/v1/Usage.js';

/** Where the time of a request went inside a model; milliseconds, for several texts the slowest of each. */
export interface WorkTimings extends RunTimings {
  tokenizeMs: number;
}

export const NO_WORK: WorkTimings = Object.freeze({
  tokenizeMs: 0,
  queueMs: 0,
  batchMs: 0,
  computeMs: 0,
  batchSize: 0,
});

/** The slowest of each; `tokenizeMs` is added on. */
export function slowest(tokenizeMs: number, runs: readonly { timings: RunTimings }[]): WorkTimings {
  const worst = { ...NO_WORK, tokenizeMs };
  for (const { timings } of runs) {
    worst.queueMs = Math.max(worst.queueMs, timings.queueMs);
    worst.batchMs = Math.max(worst.batchMs, timings.batchMs);
    worst.computeMs = Math.max(worst.computeMs, timings.computeMs);
    worst.batchSize = Math.max(worst.batchSize, timings.batchSize);
  }
  return worst;
}

export interface Answered {
  model: ServedModel;
  usage: Usage;
  timings: Timings;
}

export interface AnswerDeps {
  instance: string;
  clock: Clock;
}

/** The common fields of a response; also sets the trailers x-plexus-model, x-plexus-queue-ms and x-plexus-compute-ms. */
export function answer(
  { instance, clock }: AnswerDeps,
  context: CallContext,
  manifest: Manifest,
  startedMs: number,
  usage: { texts: number; inputTokens: number },
  work: WorkTimings,
): Answered {
  context.setTrailer('x-plexus-model', `${manifest.name}@${manifest.version}`);
  context.setTrailer('x-plexus-queue-ms', work.queueMs.toFixed(3));
  context.setTrailer('x-plexus-compute-ms', work.computeMs.toFixed(3));
  return {
    model: { name: manifest.name, version: manifest.version, digest: manifest.digest, instance },
    usage: { ...usage, outputTokens: 0 },
    timings: { ...work, totalMs: clock.monotonic() - startedMs },
  };
}

/** Holds the model for as long as `use` takes, so that an unload waits for it. `field` is what errors call the reference. */
export async function withModel<M extends Running, T>(
  hub: Hub<M>,
  reference: string,
  use: (model: M) => Promise<T>,
  field = 'model',
): Promise<T> {
  const lease = hub.lease(reference, field);
  try {
    return await use(lease.model);
  } finally {
    lease.release();
  }
}
