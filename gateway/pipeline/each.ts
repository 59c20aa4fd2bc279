/** An each: a list mapped in order, a bounded number at once. */
import type { Clock } from '../../chassis/clock.js';
import { abortReason, MeshError } from '../../chassis/errors.js';
import { toMeshError } from '../../chassis/status.js';

/** Maps in order with at most `parallel` at once; the first failure cancels the others. */
export async function mapBounded<T, R>(
  items: readonly T[],
  parallel: number,
  signal: AbortSignal,
  once: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const controller = new AbortController();
  const inner = controller.signal;
  const onAbort = (): void => controller.abort(abortReason(signal));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      if (inner.aborted) throw abortReason(inner);
      results[index] = await once(items[index] as T, index, inner);
    }
  };
  let failure: unknown;
  const workers = Array.from({ length: Math.min(parallel, items.length) }, () =>
    worker().catch((error: unknown) => {
      failure ??= error;
      controller.abort(new MeshError('CANCELLED', 'another item failed'));
    }),
  );
  await Promise.all(workers);
  signal.removeEventListener('abort', onAbort);
  if (failure !== undefined) throw failure;
  return results;
}

/**
 * Runs one item within `timeoutMs`, or as long as the step has where that is undefined. What `run` throws for want of time says
 * so in terms of the item.
 */
export async function limited<R>(
  {
    clock,
    timeoutMs,
    deadlineMs,
    signal,
  }: { clock: Clock; timeoutMs: number | undefined; deadlineMs: number; signal: AbortSignal },
  run: (deadlineMs: number, signal: AbortSignal) => Promise<R>,
): Promise<R> {
  if (timeoutMs === undefined || clock.now() + timeoutMs >= deadlineMs) return run(deadlineMs, signal);
  const why = `did not end within its item_timeout of ${timeoutMs} ms`;
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(abortReason(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.after(timeoutMs, () => controller.abort(new MeshError('DEADLINE_EXCEEDED', why)));
  try {
    return await run(clock.now() + timeoutMs, controller.signal);
  } catch (thrown) {
    const error = toMeshError(thrown);
    throw error.code === 'DEADLINE_EXCEEDED' && !signal.aborted
      ? new MeshError('DEADLINE_EXCEEDED', why, { cause: error })
      : error;
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}
