/**
 * One leaf of a step, once: the call with its retries and its hedge, the inner pipeline, or the value. What stands around it
 * (conditions, each, deadlines) is run.ts. Retries here come on top of the upstream stack's own, for what the author knows to
 * be worth it; they never outlive the step's signal.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { type Clock, sleep } from '../../chassis/clock.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import { attemptsOf, type UpstreamAnswer, type UpstreamCall, type UpstreamStream } from '../upstream/call.js';
import type { Scope } from './expression.js';
import type { CallAction, PlanStep } from './plan.js';
import { addAnswer, type Tally } from './report.js';
import { type CelMessage, wrapMessage } from './types.js';
import { lastField } from './wire.js';

/** The part of the upstream stack that pipelines use. */
export interface CallUpstream {
  unary(call: UpstreamCall): Promise<UpstreamAnswer>;
  serverStream(call: UpstreamCall): UpstreamStream;
}

export interface Attempt {
  upstream: CallUpstream;
  clock: Clock;
  /** 0 to 1, for jitter. */
  random: () => number;
  metadata: Readonly<Record<string, string>>;
  deadlineMs: number;
  signal: AbortSignal;
  /** Text of a streaming call, as it comes. */
  onDelta(delta: string): void;
}

type Options = Pick<PlanStep, 'retry' | 'hedgeMs' | 'cacheMs'>;

/** The answer of a call, with the step's retries and hedge. */
export async function callWithRetries(
  action: CallAction,
  options: Options,
  scope: Scope,
  attempt: Attempt,
  tally: Tally,
  model?: string,
): Promise<CelMessage> {
  const request = action.request.build(scope, model);
  const triesMax = options.retry?.attempts ?? 1;
  for (let tries = 1; ; tries++) {
    let streamed = false;
    const watched: Attempt = {
      ...attempt,
      onDelta(delta) {
        streamed = true;
        attempt.onDelta(delta);
      },
    };
    try {
      return await hedged(action, options, request, watched, tally);
    } catch (thrown) {
      const error = toMeshError(thrown);
      // Text that was passed on cannot be taken back, so a stream that has begun is not tried again.
      if (!error.retryable || tries >= triesMax || streamed || attempt.signal.aborted) throw error;
      const backoffMs = (options.retry?.backoffMs ?? 0) * 2 ** (tries - 1) * attempt.random();
      await sleep(attempt.clock, Math.max(backoffMs, error.retryAfterMs ?? 0), attempt.signal);
    }
  }
}

type Request = { bytes: Buffer; model: string };

function hedged(
  action: CallAction,
  options: Options,
  request: Request,
  attempt: Attempt,
  tally: Tally,
): Promise<CelMessage> {
  const { hedgeMs } = options;
  if (action.stream) return stream(action, request, attempt, tally);
  if (hedgeMs === undefined) return unary(action, options, request, attempt, tally);
  return new Promise((resolve, reject) => {
    const losers: AbortController[] = [];
    let open = 0;
    let sent = 0;
    let first: unknown;
    const send = (): void => {
      const controller = new AbortController();
      losers.push(controller);
      open++;
      sent++;
      const signal = AbortSignal.any([attempt.signal, controller.signal]);
      unary(action, options, request, { ...attempt, signal }, tally).then(
        (answer) => {
          cancelTimer();
          for (const loser of losers)
            if (loser !== controller) loser.abort(new MeshError('CANCELLED', 'the other call answered first'));
          resolve(answer);
        },
        (error: unknown) => {
          first ??= error;
          if (--open > 0) return;
          cancelTimer();
          reject(first);
        },
      );
    };
    const cancelTimer = attempt.clock.after(hedgeMs, () => {
      if (sent === 1 && open === 1 && !attempt.signal.aborted) send();
    });
    send();
  });
}

async function unary(
  action: CallAction,
  options: Options,
  request: Request,
  attempt: Attempt,
  tally: Tally,
): Promise<CelMessage> {
  let answer: UpstreamAnswer;
  try {
    answer = await attempt.upstream.unary({
      ...common(action, request, attempt),
      ...(options.cacheMs !== undefined && { cache: { ttlMs: options.cacheMs } }),
    });
  } catch (error) {
    tally.attempts += attemptsOf(toMeshError(error)) ?? 1;
    throw error;
  }
  addAnswer(tally, action.answer, answer.response, answer);
  return wrapMessage(action.answer, answer.response);
}

async function stream(
  { answer, stream, ...action }: CallAction,
  request: Request,
  attempt: Attempt,
  tally: Tally,
): Promise<CelMessage> {
  if (!stream) throw new Error(`${action.label} does not stream`);
  const events = attempt.upstream.serverStream(common({ ...action, answer, stream }, request, attempt));
  const failed = (error: MeshError): MeshError => {
    tally.attempts += attemptsOf(error) ?? events.attempts;
    return error;
  };
  for await (const bytes of caught(events, failed)) {
    const delta = lastField(bytes, stream.delta.number);
    if (delta) attempt.onDelta(Buffer.from(delta).toString('utf8'));
    const done = lastField(bytes, stream.done.number);
    if (!done) continue;
    const whole = Buffer.from(done);
    fromBinary(answer, whole); // a stream's end is read at once: there is no later moment to find it broken
    addAnswer(tally, answer, whole, { attempts: events.attempts, cached: false, instance: events.instance ?? '' });
    return wrapMessage(answer, whole);
  }
  if (attempt.signal.aborted) throw failed(abortReason(attempt.signal));
  throw failed(new MeshError('UPSTREAM_INVALID', `${action.label}: the stream ended without its last message`));
}

async function* caught(stream: AsyncIterable<Buffer>, failed: (error: MeshError) => MeshError): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    throw failed(toMeshError(error));
  }
}

function common(action: CallAction, request: Request, { deadlineMs, signal, metadata }: Attempt): UpstreamCall {
  return {
    capability: action.capability,
    method: action.method,
    request: request.bytes,
    deadlineMs,
    signal,
    metadata,
    idempotent: true, // every method of a capability only computes
    ...(request.model !== '' && { model: request.model }),
  };
}
