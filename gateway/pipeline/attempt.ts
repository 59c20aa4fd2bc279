/**
 * One leaf of a step, once: the call with its retries and its hedge, the inner pipeline, or the value. What stands around it
 * (conditions, each, deadlines) is run.ts. Retries and hedges here come on top of the upstream stack's own, for what the author
 * knows to be worth it; they draw on the same budget and never outlive the step's time.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { type Clock, sleep } from '../../chassis/clock.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';
import {
  attemptsOf,
  createTrail,
  type Trail,
  type UpstreamAnswer,
  type UpstreamCall,
  type UpstreamStream,
} from '../upstream/call.js';
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
  const trail = createTrail();
  tally.trails.push(trail);
  let failure: MeshError | undefined;
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
      return await hedged(action, options, request, watched, tally, trail);
    } catch (thrown) {
      const error = toMeshError(thrown);
      if (attempt.signal.aborted) throw error;
      failure = telling(failure, error);
      // Text that was passed on cannot be taken back, so a stream that has begun is not tried again.
      if (!error.retryable || tries >= triesMax || streamed) throw failure;
      const backoffMs = (options.retry?.backoffMs ?? 0) * 2 ** (tries - 1) * attempt.random();
      const pauseMs = Math.max(backoffMs, error.retryAfterMs ?? 0);
      if (attempt.clock.now() + pauseMs >= attempt.deadlineMs) throw failure; // what stands in need not wait for it
      await sleep(attempt.clock, pauseMs, attempt.signal);
    }
  }
}

/** The later failure, unless its call was never sent (no budget, no instance): that says less than what it was to make good. */
function telling(earlier: MeshError | undefined, later: MeshError): MeshError {
  return earlier && attemptsOf(later) === 0 ? earlier : later;
}

type Request = { bytes: Buffer; model: string };

function hedged(
  action: CallAction,
  options: Options,
  request: Request,
  attempt: Attempt,
  tally: Tally,
  trail: Trail,
): Promise<CelMessage> {
  const { hedgeMs, cacheMs } = options;
  const cache = cacheMs === undefined ? undefined : { ttlMs: cacheMs };
  if (action.stream) return stream(action, request, attempt, tally, trail);
  if (hedgeMs === undefined) return unary(action, cache, request, attempt, tally, trail);
  return new Promise((resolve, reject) => {
    const losers: AbortController[] = [];
    let open = 0;
    let sent = 0;
    let failure: MeshError | undefined;
    const send = (): void => {
      const controller = new AbortController();
      losers.push(controller);
      open++;
      sent++;
      const signal = AbortSignal.any([attempt.signal, controller.signal]);
      // Alone: the second would otherwise join the first, which is the one that is slow.
      const kept = cache && sent > 1 ? { ...cache, alone: true } : cache;
      unary(action, kept, request, { ...attempt, signal }, tally, trail).then(
        (answer) => {
          cancelTimer();
          for (const loser of losers)
            if (loser !== controller) loser.abort(new MeshError('CANCELLED', 'the other call answered first'));
          resolve(answer);
        },
        (error: unknown) => {
          failure = telling(failure, toMeshError(error));
          if (--open > 0) return;
          cancelTimer();
          reject(failure);
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
  cache: UpstreamCall['cache'],
  request: Request,
  attempt: Attempt,
  tally: Tally,
  trail: Trail,
): Promise<CelMessage> {
  const answer = await attempt.upstream.unary({ ...common(action, request, attempt, trail), ...(cache && { cache }) });
  addAnswer(tally, action.answer, answer.response, answer);
  return wrapMessage(action.answer, answer.response);
}

async function stream(
  action: CallAction,
  request: Request,
  attempt: Attempt,
  tally: Tally,
  trail: Trail,
): Promise<CelMessage> {
  const { answer, stream, label } = action;
  if (!stream) throw new Error(`${label} does not stream`);
  const events = attempt.upstream.serverStream(common(action, request, attempt, trail));
  let found: CelMessage | undefined;
  try {
    // To its very end: who leaves before that resets the stream, and counts as one who left.
    for await (const bytes of events) {
      const delta = lastField(bytes, stream.delta.number);
      if (delta) attempt.onDelta(Buffer.from(delta).toString('utf8'));
      const done = lastField(bytes, stream.done.number);
      if (!done || found) continue;
      const whole = Buffer.from(done);
      fromBinary(answer, whole); // a stream's end is read at once: there is no later moment to find it broken
      addAnswer(tally, answer, whole, { cached: false, instance: events.instance ?? '' });
      found = wrapMessage(answer, whole);
    }
  } catch (error) {
    if (!found) throw error; // what comes after the answer changes nothing about it
  }
  if (found) return found;
  if (attempt.signal.aborted) throw abortReason(attempt.signal);
  throw new MeshError('UPSTREAM_INVALID', `${label}: the stream ended without its last message`);
}

function common(
  action: CallAction,
  request: Request,
  { deadlineMs, signal, metadata }: Attempt,
  trail: Trail,
): UpstreamCall {
  return {
    capability: action.capability,
    method: action.method,
    request: request.bytes,
    deadlineMs,
    signal,
    metadata,
    idempotent: true, // every method of a capability only computes
    trail,
    ...(request.model !== '' && { model: request.model }),
  };
}
