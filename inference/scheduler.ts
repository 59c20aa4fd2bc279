/**
 * Brings those who wait to the workers: whenever a worker is free and somebody waits, a batch is cut and sent; nobody waits while
 * a worker is idle. Decides what becomes of a batch that fails (halved, so that only the bad text fails) or takes its worker
 * along (each text tried once more alone; one that does it again is quarantined). Runs on the RPC thread and never computes.
 */
import type { Clock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';
import { paddedTokens } from './batcher.js';
import { createCost } from './cost.js';
import type { Verdict } from './pool.js';
import { createQuarantine, type Input } from './quarantine.js';
import { createQueue, type Entry } from './queue.js';
import type { InferenceSettings } from './settings.js';

/** Where the time of one text went. */
export interface RunTimings {
  /** From entering the queue to leaving it for the batch that answered. */
  queueMs: number;
  /** Building that batch and moving it to the worker and back. */
  batchMs: number;
  /** Inside the model. */
  computeMs: number;
  /** Texts in that batch, those of other callers included. */
  batchSize: number;
}

export interface RunOptions {
  /** Its reason, a MeshError, is what the call rejects with. */
  signal: AbortSignal;
  /** Milliseconds since the epoch; Infinity for none. */
  deadlineMs: number;
}

/** What the scheduler needs of a pool: how many workers are free, and a run that never rejects. */
export interface Runner<Item, Output> {
  readonly idle: number;
  /** Workers that are up. */
  readonly up: number;
  /** True where none is up and replacements go on dying. */
  readonly failing: boolean;
  run(batch: readonly Item[]): Promise<Verdict<{ outputs: Output[]; computeMs: number }>>;
}

export interface Scheduler<Item extends Input, Output> {
  /** One output an item, in order. Rejects at the first item that fails; the others of the request are then dropped. */
  submit(items: readonly Item[], options: RunOptions): Promise<{ output: Output; timings: RunTimings }[]>;
  /** To be called when a worker is up that was not. */
  onUp(): void;
  stats(): SchedulerStats;
  /** Fails what waits; later submissions are refused. */
  close(): void;
}

export interface SchedulerStats {
  requests: number;
  texts: number;
  tokens: number;
  failures: number;
  dropped: number;
  batches: number;
  paddedTokens: number;
  queueNs: number;
  computeNs: number;
  queueLength: number;
  queueTokens: number;
}

export interface SchedulerOptions<Item, Output> {
  /** Names the model in errors: "minilm-l3-en@1". */
  name: string;
  /** How errors call what waits and what it weighs: texts of tokens, calls of KiB. */
  units: { item: string; items: string; weight: string };
  runner: Runner<Item, Output>;
  settings: Pick<
    InferenceSettings,
    'batchTokensMax' | 'batchRowsMax' | 'windowMax' | 'queueEntriesMax' | 'queueTokensMax' | 'quarantineMs'
  >;
  clock: Clock;
}

export function createScheduler<Item extends Input, Output>(
  options: SchedulerOptions<Item, Output>,
): Scheduler<Item, Output> {
  const { name, units, runner, settings, clock } = options;
  const cost = createCost();
  const quarantine = createQuarantine({ name, holdMs: settings.quarantineMs, clock });
  const counts = {
    requests: 0,
    texts: 0,
    tokens: 0,
    failures: 0,
    dropped: 0,
    batches: 0,
    paddedTokens: 0,
    queueNs: 0,
    computeNs: 0,
  };
  let closed = false;
  let runningTokens = 0;

  const queue = createQueue<Item, { output: Output; timings: RunTimings }>({
    name,
    units,
    entriesMax: settings.queueEntriesMax,
    tokensMax: settings.queueTokensMax,
    windowMax: settings.windowMax,
    batch: { tokensMax: settings.batchTokensMax, rowsMax: settings.batchRowsMax },
    clock,
    drainMs: (tokens) => cost.waitMs(tokens, runner.up),
    onDrop: (count) => {
      counts.dropped += count;
    },
  });

  /**
   * Refuses at once what would still stand in line when its deadline passes. Only the work of others counts: a request that is
   * too long for its own deadline on an idle machine would not be helped by trying again.
   */
  function admit(items: readonly Item[], { deadlineMs }: RunOptions): void {
    if (!Number.isFinite(deadlineMs)) return;
    let own = 0;
    for (const { weight } of items) own += weight;
    const waitMs = cost.waitMs(queue.tokensBefore(own) + runningTokens / 2, runner.up);
    if (waitMs === undefined || waitMs <= deadlineMs - clock.now()) return;
    const retryAfterMs = Math.ceil(waitMs);
    throw new MeshError(
      'QUEUE_FULL',
      `${name}: about ${retryAfterMs} ms of work are waiting, more than the deadline leaves: retry then, or give more time`,
      { retryAfterMs, facts: { model: name } },
    );
  }

  function pump(): void {
    while (runner.idle > 0) {
      const batch = queue.take();
      if (batch.length === 0) return;
      void runBatch(batch);
    }
  }

  type Waiting = Entry<Item, { output: Output; timings: RunTimings }>;

  async function runBatch(batch: Waiting[]): Promise<void> {
    const startedMs = clock.monotonic();
    let tokens = 0;
    for (const entry of batch) tokens += entry.tokens;
    runningTokens += tokens;
    const verdict = await runner.run(batch.map(({ item }) => item));
    runningTokens -= tokens;
    const tookMs = clock.monotonic() - startedMs;
    counts.batches++;
    counts.paddedTokens += paddedTokens(batch);
    if (verdict.at === 'done') {
      const { outputs, computeMs } = verdict.body;
      const batchMs = Math.max(0, tookMs - computeMs);
      counts.computeNs += Math.round(computeMs * 1e6);
      cost.observe(tokens, tookMs);
      for (let row = 0; row < batch.length; row++) {
        const { group, index, queuedMs } = batch[row] as Waiting;
        const queueMs = startedMs - queuedMs;
        counts.queueNs += Math.round(queueMs * 1e6);
        const timings = { queueMs, batchMs, computeMs, batchSize: batch.length };
        group.settle(index, { output: outputs[row] as Output, timings });
      }
    } else if (verdict.at === 'failed') refuse(batch, verdict.reason);
    else strike(batch);
    pump();
  }

  /** The model threw over this batch: halves run on their own until the text that cannot be computed stands alone. */
  function refuse(batch: Waiting[], reason: string): void {
    if (batch.length > 1) {
      const middle = batch.length >> 1;
      queue.putBack(batch.slice(0, middle));
      queue.putBack(batch.slice(middle));
      return;
    }
    counts.failures++;
    const [entry] = batch as [Waiting];
    entry.group.fail(
      new MeshError('MODEL_FAILED', `${name}: the model cannot compute ${units.item} ${entry.index} of the request`, {
        facts: { model: name },
        cause: new Error(reason),
      }),
    );
  }

  /** The worker died or hung over this batch: each text once more, alone; those who were alone already are quarantined at the second time. */
  function strike(batch: Waiting[]): void {
    for (const entry of batch) {
      entry.strikes++;
      if (closed) entry.group.fail(shuttingDown(name));
      else if (entry.strikes < 2) queue.putBack([entry]);
      else {
        counts.failures++;
        entry.group.fail(quarantine.hold(entry.item));
      }
    }
  }

  return {
    async submit(items, run) {
      if (closed) throw shuttingDown(name);
      if (runner.failing) {
        throw new MeshError(
          'WORKER_LOST',
          `${name}: its workers go on dying and are being replaced; try another instance`,
          {
            retryAfterMs: 2_000,
            facts: { model: name },
          },
        );
      }
      for (const item of items) quarantine.check(item);
      admit(items, run);
      const answered = queue.push(items, run);
      counts.requests++;
      counts.texts += items.length;
      for (const { weight } of items) counts.tokens += weight;
      pump();
      return answered;
    },
    onUp: pump,
    stats: () => ({ ...counts, queueLength: queue.length, queueTokens: queue.tokens }),
    close() {
      closed = true;
      queue.close(shuttingDown(name));
    },
  };
}

function shuttingDown(name: string): MeshError {
  return new MeshError('SHUTTING_DOWN', `${name} is being unloaded; another instance or version will answer`, {
    retryAfterMs: 100,
  });
}
