/**
 * What an attempt says about the instance: the one place that decides. The breaker and the ejector count `failed` against
 * it and `answered` for it; `refused` (a healthy instance that is full, loading or leaving) and `unknown` (the caller left,
 * the time was short) count neither way, nor does `poisoned` (poison.ts: it is the request). An error about the request is an
 * answer.
 */
import type { MeshError } from '../../chassis/errors.js';

export type Verdict = 'answered' | 'failed' | 'refused' | 'unknown' | 'poisoned';

export interface Outcome {
  readonly verdict: Verdict;
  readonly error: MeshError | undefined;
  /** Milliseconds from sending to the answer (to the first message of a stream); undefined where they say nothing (`untimed`). */
  readonly ms: number | undefined;
  /** True where it was cut because another instance answered the call first. */
  readonly beaten: boolean;
  /** Monotonic milliseconds when it ended. */
  readonly nowMs: number;
}

export function verdictOf(error: MeshError | undefined): Verdict {
  switch (error?.code) {
    case 'UPSTREAM_UNREACHABLE':
    case 'UPSTREAM_INVALID':
    case 'WORKER_LOST':
    case 'INTERNAL':
      return 'failed';
    case 'OVERLOADED':
    case 'QUEUE_FULL':
    case 'SHUTTING_DOWN':
    case 'MODEL_NOT_READY':
    case 'NO_INSTANCE':
    case 'CIRCUIT_OPEN':
      return 'refused';
    case 'CANCELLED':
    case 'DEADLINE_EXCEEDED':
      return 'unknown';
    default:
      return 'answered';
  }
}

/** True where an instance is full: what the throttle and the adaptive limit listen to. */
export function isOverload(error: MeshError | undefined): boolean {
  return error?.code === 'OVERLOADED' || error?.code === 'QUEUE_FULL';
}
