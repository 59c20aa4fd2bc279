/**
 * Deadlines travel as one AbortSignal plus the moment they fall due. Every hop keeps a reserve for the way back, so that the
 * inner call ends first and says why, instead of the outer one cutting the line.
 */
import type { Clock } from './clock.js';
import { abortReason, MeshError } from './errors.js';

export interface Deadline {
  /** Milliseconds since the epoch; Infinity where there is none. */
  readonly atMs: number;
  /** Aborts when it passes or when the caller goes away, with a MeshError as its reason. */
  readonly signal: AbortSignal;
  /** Stops the timer. Call it when the work has ended. */
  dispose(): void;
}

/** A deadline at `atMs`, which also ends when `parent` does. */
export function createDeadline(clock: Clock, atMs: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const cancelTimer = Number.isFinite(atMs)
    ? clock.after(atMs - clock.now(), () =>
        controller.abort(new MeshError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready')),
      )
    : undefined;
  const onParent = (): void => controller.abort(parent && abortReason(parent));
  if (parent?.aborted) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  return {
    atMs,
    signal: controller.signal,
    dispose() {
      cancelTimer?.();
      parent?.removeEventListener('abort', onParent);
    },
  };
}

/** The deadline for the next hop: the caller's minus a reserve of 2 % of what is left, 2 to 50 ms. */
export function shrink(atMs: number, nowMs: number): number {
  if (!Number.isFinite(atMs)) return atMs;
  return atMs - Math.min(50, Math.max(2, (atMs - nowMs) * 0.02));
}
