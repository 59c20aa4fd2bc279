/**
 * What a run tells about its steps: outcome, who answered, how long it took. Read from the answers' first fields as bytes, so
 * that telling does not mean decoding.
 */
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { MeshError } from '../../chassis/errors.js';
import type { Trail } from '../upstream/call.js';
import { lastField } from './wire.js';

export type StepOutcome =
  | 'STEP_OUTCOME_OK'
  | 'STEP_OUTCOME_SKIPPED'
  | 'STEP_OUTCOME_FAILED'
  | 'STEP_OUTCOME_FALLBACK'
  | 'STEP_OUTCOME_CANCELLED';

export interface ServedModel {
  name: string;
  version: string;
  digest: string;
  instance: string;
}

export interface Usage {
  texts: number;
  inputTokens: number;
  outputTokens: number;
}

export interface Timings {
  tokenizeMs: number;
  queueMs: number;
  batchMs: number;
  computeMs: number;
  totalMs: number;
  batchSize: number;
}

export interface StepReport {
  name: string;
  /** "embed.Embed", "pipeline:name". */
  call: string;
  outcome: StepOutcome;
  model: ServedModel | undefined;
  /** Calls sent, retries and hedges included. */
  attempts: number;
  /** True where everything it asked for came from memory. */
  cached: boolean;
  /** Milliseconds from the run's start. */
  startedMs: number;
  durationMs: number;
  /** Inside the service; of an each, the largest of each. */
  timings: Timings | undefined;
  problem: MeshError | undefined;
  items: number;
  /** Of a pipeline as a step: the reports of its steps, "step.inner" ("step[2].inner" in an each), as they began. */
  inner: readonly StepReport[];
}

/** Reports of inner steps that one step keeps; of an each over a pipeline there may be any number. */
export const INNER_MAX = 512;

/** What the calls of one step add up to while it runs. */
export interface Tally {
  /** One a call of the step, with its repeats. */
  trails: Trail[];
  /** Of the pipelines that are the step. */
  inner: StepReport[];
  innerAttempts: number;
  items: number;
  /** True as long as every answer came from memory. */
  cached: boolean;
  answers: number;
  model: ServedModel | undefined;
  timings: Timings | undefined;
  usage: Usage;
  /** What stood in, or was left out: "step" or "step.inner". */
  degraded: string[];
  fellBack: MeshError | undefined;
}

export function createTally(): Tally {
  return {
    trails: [],
    inner: [],
    innerAttempts: 0,
    items: 1,
    cached: true,
    answers: 0,
    model: undefined,
    timings: undefined,
    usage: { texts: 0, inputTokens: 0, outputTokens: 0 },
    degraded: [],
    fellBack: undefined,
  };
}

/** Adds one answer. Throws UPSTREAM_INVALID where the bytes are no message. */
export function addAnswer(
  tally: Tally,
  desc: DescMessage,
  answer: Buffer,
  from: { cached: boolean; instance: string },
): void {
  tally.answers++;
  tally.cached &&= from.cached;
  const model = readField<ServedModel>(desc, 'model', answer);
  if (model)
    tally.model = {
      name: model.name,
      version: model.version,
      digest: model.digest,
      instance: model.instance || from.instance,
    };
  const timings = readField<Timings>(desc, 'timings', answer);
  if (timings) tally.timings = largest(tally.timings, timings);
  const usage = from.cached ? undefined : readField<Usage>(desc, 'usage', answer); // what came from memory consumed nothing
  if (usage) addUsage(tally.usage, usage);
}

/** Adds the report of a step of a pipeline that is the step, with those below it. `at` is the step: "step" or "step[2]". */
export function addInner(tally: Tally, at: string, report: StepReport): void {
  tally.innerAttempts += report.attempts;
  for (const each of [report, ...report.inner]) {
    if (tally.inner.length >= INNER_MAX) return;
    tally.inner.push({ ...each, name: `${at}.${each.name}`, inner: [] });
  }
}

/** Calls sent so far, those that are still open included. */
export function attemptsSoFar({ trails, innerAttempts }: Tally): number {
  return trails.reduce((sum, { tried }) => sum + tried.length, innerAttempts);
}

export function addUsage(sum: Usage, { texts, inputTokens, outputTokens }: Usage): void {
  sum.texts += texts;
  sum.inputTokens += inputTokens;
  sum.outputTokens += outputTokens;
}

function readField<T>(desc: DescMessage, name: string, bytes: Buffer): T | undefined {
  const field = desc.fields.find((each) => each.name === name);
  if (!field?.message) return undefined;
  try {
    const found = lastField(bytes, field.number);
    return found && (fromBinary(field.message, found) as Message as unknown as T);
  } catch (error) {
    throw new MeshError('UPSTREAM_INVALID', `the answer is not a valid ${desc.typeName}`, { cause: error });
  }
}

function largest(
  before: Timings | undefined,
  { tokenizeMs, queueMs, batchMs, computeMs, totalMs, batchSize }: Timings,
): Timings {
  const max = Math.max;
  if (!before) return { tokenizeMs, queueMs, batchMs, computeMs, totalMs, batchSize };
  return {
    tokenizeMs: max(before.tokenizeMs, tokenizeMs),
    queueMs: max(before.queueMs, queueMs),
    batchMs: max(before.batchMs, batchMs),
    computeMs: max(before.computeMs, computeMs),
    totalMs: max(before.totalMs, totalMs),
    batchSize: max(before.batchSize, batchSize),
  };
}
