/** A line on the terminal for work that takes longer than a second; nothing where there is no terminal, or for quick work. */
import { type Clock, systemClock } from '../chassis/clock.js';
import type { Io } from './io.js';

const FIRST_MS = 1_000;
const EVERY_MS = 500;

/** Runs `work`; after a second shows what `label` says, with the seconds that have passed. */
export async function withProgress<T>(
  io: Io,
  label: () => string,
  work: () => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  if (!io.isTTY) return work();
  const startedMs = clock.monotonic();
  let cancel = (): void => {};
  let shown = false;
  const show = (): void => {
    shown = true;
    io.stderr.write(`\r\x1b[K${label()} … ${Math.round((clock.monotonic() - startedMs) / 1000)} s`);
    cancel = clock.after(EVERY_MS, show);
  };
  cancel = clock.after(FIRST_MS, show);
  try {
    return await work();
  } finally {
    cancel();
    if (shown) io.stderr.write('\r\x1b[K');
  }
}
