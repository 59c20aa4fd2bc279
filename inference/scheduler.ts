/**
 * Brings those who wait to the workers: whenever a worker is free and somebody waits, a batch is cut and sent. Decides what becomes of
 * a batch that fails (halved, so that only the bad text fails) or takes its worker along (each text tried once more alone; one that
 * does it again is quarantined). Runs on the RPC thread and never computes.
 *
 * Nobody waits for company while a worker is idle, at no rate of arrivals: company saves a text what a run costs before its first
 * token, and where the next text is nearer than that, no worker is idle. Waits of 1 to 10 ms at loads of 20 to 85 % add themselves to
 * the median and lower no 99th percentile (bench/results/embed.md, "Why nobody waits for company").
 */
import { type Criticality, DEFAULT_TENANT } from '../chassis/caller.js';
import type { Clock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';
import { paddedTokens } from './batcher.js';
import { createCost } from './cost.js';
import type { Verdict } from './pool.js';
import { createQuarantine, type Input } from './quarantine.js';
import { createQueue, type Entry, type PushOptions } from './queue.js';
import type { InferenceSettings } from './settings.js';
import { createTally, type SchedulerStats } from './tally.js';

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
  /** Who shares the workers with others by the weight of what is computed. Default: the tenant of all who name none. */
  tenant?: string;
  /** Who is refused first where not everybody can be served. Default "default". */
  criticality?: Criticality;
}

/** What the scheduler needs of a pool: how many workers are free, and a run. One that rejects is a batch that failed. */
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
  stats(): SchedulerStats & { queueLength: number; queueTokens: number };
  /** Fails what waits; later submissions are refused. */
  close(): void;
}

export interface SchedulerOptions<Item, Output> {
  /** Names the model in errors: "minilm-l3-en@1". */
  name: string;
  /** How errors call what waits and what it weighs: texts of tokens, calls of KiB. */
  units: { item: string; items: string; weight: string };
  runner: Runner<Item, Output>;
  settings: Pick<
    InferenceSettings,
    | 'batchTokensMax'
    | 'batchRowsMax'
    | 'windowMax'
    | 'queueEntriesMax'
    | 'queueTokensMax'
    | 'quarantineMs'
    | 'latencyTargetMs'
    | 'tenantsMax'
    | 'tenantShares'
  >;
  clock: Clock;
}

/** Share of its time that a sheddable request may be expected to wait: what is left of the workers when it is refused is for the others. */
const SHEDDABLE_SHARE = 0.5;
/** Whoever comes next, as far as can be known. */
const NEWCOMER = { tenant: DEFAULT_TENANT, criticality: 'default' } as const;
/** What is shared out among free workers is at least so many times what a run costs before its first token. */
const SHARE_RUNS_MIN = 3;

export function createScheduler<Item extends Input, Output>(
  options: SchedulerOptions<Item, Output>,
): Scheduler<Item, Output> {
  const { name, units, runner, settings, clock } = options;
  const cost = createCost();
  const quarantine = createQuarantine({ name, holdMs: settings.quarantineMs, clock });
  const tally = createTally(settings.tenantsMax);
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
    batchCost: () => cost.batchCost(),
    tenantsMax: settings.tenantsMax,
    tenantShares: settings.tenantShares,
    onEnter: (request, entries, tokens) => tally.request(request, entries, tokens),
    onDrop: (entries) => tally.dropped(entries),
    onShed: (request) => tally.shed(request),
  });

  /**
   * Refuses at once what cannot be answered in time: what would wait for others and run beyond its deadline, and of the sheddable
   * what would wait for half of its time. Only where others are in the way: on a machine with a free worker a request too long
   * for its own deadline would not be helped by trying again.
   */
  function admit(items: readonly Item[], request: PushOptions): void {
    const { deadlineMs, criticality } = request;
    if (!Number.isFinite(deadlineMs) || (runner.idle > 0 && queue.length === 0)) return;
    let own = 0;
    let longest = 1;
    for (const { weight } of items) {
      own += weight;
      if (weight > longest) longest = weight;
    }
    const waitMs = cost.waitMs(queue.tokensBefore(own, request) + runningTokens / 2, runner.up);
    if (waitMs === undefined || waitMs === 0) return;
    const runMs = cost.runMs(Math.max(longest, Math.min(own, settings.batchTokensMax)), longest) ?? 0; // of its last batch at least
    const leftMs = deadlineMs - clock.now();
    if (waitMs + runMs <= leftMs && (criticality !== 'sheddable' || waitMs <= leftMs * SHEDDABLE_SHARE)) return;
    tally.shed(request);
    const retryAfterMs = Math.ceil(waitMs);
    throw new MeshError(
      'QUEUE_FULL',
      `${name}: about ${retryAfterMs} ms of work are waiting, more than the deadline leaves: retry then, or give more time`,
      { retryAfterMs, facts: { model: name } },
    );
  }

  /**
   * Padded tokens of the next batch. Free workers share what waits evenly, so that one request does not run on one of them while
   * the others look on. With a target for the latency, a batch takes half of it at most: who comes when it has just begun waits for
   * its end and then runs. Where so many wait that a request which came now would miss the target anyway, full batches get through
   * them soonest.
   */
  function tokensOfNext(): number {
    const { batchTokensMax, latencyTargetMs } = settings;
    const { idle, up } = runner;
    const least = SHARE_RUNS_MIN * cost.batchCost().runTokens;
    const share = idle > 1 ? Math.max(least, Math.ceil(queue.tokens / idle)) : batchTokensMax;
    const most = Math.min(share, batchTokensMax);
    if (latencyTargetMs === 0) return most;
    const within = cost.tokensWithin(latencyTargetMs / 2);
    if (within === undefined || within >= most) return most;
    const cut = Math.max(1, within);
    const turns = Math.ceil(queue.tokensBefore(1, NEWCOMER, cut) / cut);
    return (turns * (cost.runMs(cut) ?? 0)) / Math.max(1, up) > latencyTargetMs ? most : cut;
  }

  function pump(): void {
    while (runner.idle > 0) {
      const batch = queue.take(tokensOfNext());
      if (batch.length === 0) return;
      void runBatch(batch);
    }
  }

  type Waiting = Entry<Item, { output: Output; timings: RunTimings }>;

  /** What cannot be sent to a worker (memory is short, say) is a batch that failed, and no end of the process. */
  async function run(batch: readonly Waiting[]): Promise<Verdict<{ outputs: Output[]; computeMs: number }>> {
    try {
      return await runner.run(batch.map(({ item }) => item));
    } catch (error) {
      return { at: 'failed', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async function runBatch(batch: Waiting[]): Promise<void> {
    const startedMs = clock.monotonic();
    let tokens = 0;
    for (const entry of batch) tokens += entry.tokens;
    runningTokens += tokens;
    const verdict = await run(batch);
    runningTokens -= tokens;
    const tookMs = clock.monotonic() - startedMs;
    const padded = paddedTokens(batch);
    tally.batch(batch.length, tokens, padded);
    if (verdict.at === 'done') {
      const { outputs, computeMs } = verdict.body;
      const batchMs = Math.max(0, tookMs - computeMs);
      cost.observe({ tokens, padded, longest: padded / batch.length }, tookMs, computeMs);
      pump(); // the worker first: who is answered now has time
      let waitedMs = 0;
      for (let row = 0; row < batch.length; row++) {
        const { group, index, queuedMs } = batch[row] as Waiting;
        const queueMs = startedMs - queuedMs;
        waitedMs += queueMs;
        const timings = { queueMs, batchMs, computeMs, batchSize: batch.length };
        group.settle(index, { output: outputs[row] as Output, timings });
      }
      tally.answered(batch.length, { queueMs: waitedMs, batchMs, computeMs });
      return;
    }
    if (verdict.at === 'failed') refuse(batch, verdict.reason);
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
    tally.failed();
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
        tally.failed();
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
      const { signal, deadlineMs, tenant = DEFAULT_TENANT, criticality = 'default' } = run;
      const request = { signal, deadlineMs, tenant, criticality };
      admit(items, request);
      const answered = queue.push(items, request);
      pump();
      return answered;
    },
    onUp: pump,
    stats: () => ({ ...tally.stats(), queueLength: queue.length, queueTokens: queue.tokens }),
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
