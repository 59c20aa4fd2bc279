/**
 * What a run tells about its steps: outcome, who answered, how long it took. Read from the answers' first fields as bytes, so
 * that telling does not mean decoding.
 */
import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { MeshError } from '../../chassis/errors.js';
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
  cached: boolean;
  /** Milliseconds from the run's start. */
  startedMs: number;
  durationMs: number;
  /** Inside the service; of an each, the largest of each. */
  timings: Timings | undefined;
  problem: MeshError | undefined;
  items: number;
}

/** What the calls of one step add up to while it runs. */
export interface Tally {
  attempts: number;
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
    attempts: 0,
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
  from: { attempts: number; cached: boolean; instance: string },
): void {
  tally.attempts += from.attempts;
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
