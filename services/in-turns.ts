/** Work on the RPC thread in slices: everything an iterator makes, a few milliseconds of it in each turn of the event loop. */
import type { Clock } from '../chassis/clock.js';
import { rpcTurns } from '../inference/index.js';

/** Throws the signal's reason as soon as it aborts. */
export async function inTurns<T>(making: Iterator<T>, clock: Clock, signal: AbortSignal): Promise<T[]> {
  const made: T[] = [];
  for (;;) {
    await rpcTurns.take();
    if (signal.aborted) throw signal.reason;
    const startedMs = clock.monotonic();
    const step = making.next();
    rpcTurns.spent(clock.monotonic() - startedMs);
    if (step.done) return made;
    made.push(step.value);
  }
}
