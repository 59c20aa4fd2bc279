/** An each: a list mapped in order, a bounded number at once. */
import { abortReason, MeshError } from '../../chassis/errors.js';

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
