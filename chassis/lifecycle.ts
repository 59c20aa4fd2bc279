/**
 * Ordered start, ordered stop. What was started is stopped in reverse, also where a later start failed; a stop that hangs is
 * left behind after its limit, so a process always ends.
 */
import { type Clock, systemClock } from './clock.js';
import type { Logger } from './log.js';

export interface Part {
  name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

export interface Lifecycle {
  start(): Promise<void>;
  /** Safe to call more than once; every call gets the same promise. */
  stop(): Promise<void>;
}

export function createLifecycle(
  parts: readonly Part[],
  options: { log: Logger; stopMsMax: number; clock?: Clock },
): Lifecycle {
  const { log, stopMsMax, clock = systemClock } = options;
  const started: Part[] = [];
  let stopping: Promise<void> | undefined;

  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      for (const part of started.reverse()) {
        const limit = new Promise<'late'>((resolve) => clock.after(stopMsMax, () => resolve('late')));
        const outcome = await Promise.race([attempt(part), limit]);
        if (outcome === 'late') log.warn({ part: part.name, ms: stopMsMax }, 'did not stop in time; left behind');
      }
    })();
    return stopping;
  };

  const attempt = async (part: Part): Promise<void> => {
    try {
      await part.stop?.();
    } catch (error) {
      log.error({ part: part.name, err: error }, 'failed to stop');
    }
  };

  return {
    async start() {
      for (const part of parts) {
        try {
          await part.start?.();
          started.push(part);
        } catch (error) {
          await stop();
          throw error;
        }
      }
    },
    stop,
  };
}

/** Calls `stop` on SIGTERM and SIGINT, then exits: 0 after a clean stop, 1 after a second signal. */
export function stopOnSignals(stop: () => Promise<void>): void {
  let asked = false;
  const onSignal = (): void => {
    if (asked) process.exit(1);
    asked = true;
    void stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
