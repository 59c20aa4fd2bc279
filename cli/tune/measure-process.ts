/**
 * A process that runs one candidate: the hub with the model as a service has it, and load from within, so that memory, threads and
 * the event loop are those of a service and of nothing else. Does one job, answers, and ends; evaluate.ts starts it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../chassis/clock.js';
import { createHub, type EncoderModel, type InferenceSettings, openEncoder, type Post } from '../../inference/index.js';
import { createRepository, type Manifest, parseReference } from '../../models/index.js';
import type { Candidate } from './candidate.js';
import { closedLoop, type LoadStep, openLoop, type Sustained, sustainedRate } from './load.js';
import { arrivals, type Traffic, type TrafficRequest, textsPerRequest } from './traffic.js';

export interface MeasureJob {
  /** The repository's search path. */
  folders: readonly string[];
  /** "name@version". */
  model: string;
  candidate: Candidate;
  settings: InferenceSettings;
  traffic: Traffic;
  seed: number;
  want:
    | { kind: 'sustained'; seconds: number; p99TargetMs: number }
    /** Load steps at these rates, and the vectors or scores of a few requests. */
    | { kind: 'curve'; perSecond: readonly number[]; secondsEach: number };
}

export interface CurveStep extends LoadStep {
  /** Longest time for which the thread that serves did nothing else, ms. */
  gapMs: number;
}

export type MeasureAnswer = {
  /** Of this process, at the end. */
  rssBytes: number;
} & (
  | { kind: 'sustained'; capacityPerSecond: number; sustained: Sustained }
  | { kind: 'curve'; steps: CurveStep[] }
  | { kind: 'failed'; reason: string }
);

/** Share of the time that goes into finding out what the model can do at all; the rest is divided among the probes. */
const CAPACITY_SHARE = 0.3;
const PROBES = 4;
/** Before a curve; the search's steps follow the measuring of the capacity, which warms as well. */
const WARM_SECONDS = 0.3;
/** Texts under way while the capacity is measured: enough to fill every batch. */
const TEXTS_AT_ONCE = 64;
/** Requests under way that no latency target could bear: at this many targets' worth of capacity, or so many requests. */
const BACKLOG_TARGETS = 8;
const BACKLOG_MIN = 256;

async function measure(job: MeasureJob): Promise<MeasureAnswer> {
  const { candidate, traffic, want } = job;
  const { workers, threads, batchTokensMax, windowMax, precision } = candidate;
  // The candidate is what is measured: neither an older tuning nor the recorder has a part in it.
  const settings = { ...job.settings, workers, threads, batchTokensMax, windowMax, tuningFile: '', recordFile: '' };
  const repository = createRepository({ folders: job.folders });
  const { manifest } = await repository.find(parseReference(job.model));
  const hub = createHub<EncoderModel>({
    repository,
    tasks: [manifest.task],
    defaultModel: job.model,
    open: (stored) => openEncoder({ ...stored, manifest: { ...stored.manifest, precision } }, settings),
  });
  await hub.load(job.model);
  const { model, release } = hub.lease(job.model);
  const send = sender(model, traffic);
  const callers = Math.max(2 * workers, Math.ceil(TEXTS_AT_ONCE / textsPerRequest(traffic)));
  try {
    if (want.kind === 'sustained') {
      const seconds = want.seconds * CAPACITY_SHARE;
      const capacityPerSecond = await closedLoop({ callers, seconds, send, clock: systemClock });
      const each = (want.seconds - seconds) / PROBES;
      const backlogMax = Math.max(BACKLOG_MIN, (BACKLOG_TARGETS * capacityPerSecond * want.p99TargetMs) / 1_000);
      const sustained = await sustainedRate({
        capacityPerSecond,
        p99TargetMs: want.p99TargetMs,
        probes: PROBES,
        step: (perSecond, probe) => {
          const dueMs = arrivals(traffic, perSecond, each, job.seed + probe);
          return openLoop({ dueMs, send, backlogMax, clock: systemClock });
        },
      });
      return { kind: 'sustained', capacityPerSecond, sustained, rssBytes: process.memoryUsage.rss() };
    }
    await closedLoop({ callers, seconds: WARM_SECONDS, send, clock: systemClock });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const steps: CurveStep[] = [];
    for (const [index, perSecond] of want.perSecond.entries()) {
      const dueMs = arrivals(traffic, perSecond, want.secondsEach, job.seed + index);
      delay.reset();
      const step = await openLoop({ dueMs, send, backlogMax: CURVE_BACKLOG, clock: systemClock });
      steps.push({ ...step, gapMs: delay.max / 1e6 });
    }
    return { kind: 'curve', steps, rssBytes: process.memoryUsage.rss() };
  } finally {
    release();
    await hub.close();
  }
}

/** Past the capacity a backlog only grows: the step goes on to its end and shows what that does to the times. */
const CURVE_BACKLOG = 100_000;

/** Sends request n of the traffic, beginning anew after the last. */
function sender(model: EncoderModel, traffic: Traffic): (index: number, signal: AbortSignal) => Promise<unknown> {
  const { manifest, tokenizer, texts } = model;
  const post = postOf(manifest);
  const plain = tokenizer.encodeIds(PLAIN.repeat(8));
  /** Only how many tokens there are is known, and only that decides what they cost: real ids, over and over. */
  const idsOf = (count: number): Int32Array =>
    Int32Array.from(
      { length: Math.min(count, manifest.maxTokens) },
      (_, place) => plain[place % plain.length] as number,
    );
  const inputsOf = async (request: TrafficRequest, signal: AbortSignal) => {
    if ('tokens' in request) return request.tokens.map((count) => ({ ids: idsOf(count) }));
    const inputs = request.texts.map((text) => ({ text }));
    return texts.fit(inputs, { tokensMax: manifest.maxTokens, truncate: 'right', field: String, signal });
  };
  return async (index, signal) => {
    const request = traffic.requests[index % traffic.requests.length] as TrafficRequest;
    return model.runAll(await inputsOf(request, signal), post, { signal, deadlineMs: Number.POSITIVE_INFINITY });
  };
}

const PLAIN = 'The council met on Tuesday, and the bridge over the river will be repaired before the winter. ';

function postOf({ embed, classify }: Manifest): Post {
  if (classify) return { kind: 'logits' };
  return { kind: 'pool', pooling: embed?.pooling ?? 'mean', normalize: embed?.normalize ?? true };
}

process.once('message', async (job: MeasureJob) => {
  const answer = await measure(job).catch(
    (error: unknown): MeasureAnswer => ({
      kind: 'failed',
      reason: error instanceof Error ? error.message : String(error),
      rssBytes: 0,
    }),
  );
  process.send?.(answer, () => process.disconnect());
});
// Whoever started this is gone: nothing that is still computing is of use to anybody.
process.once('disconnect', () => setTimeout(() => process.exit(0), 100).unref());
