/**
 * A few milliseconds of work a turn of the event loop, over all callers of the process: whoever has work for the RPC thread asks
 * for a turn first and says afterwards what it took. While the turn's share is not used up, everybody goes on at once (a short
 * text never waits); then the rest takes its place in line, and health checks, cancellations and answers come in between.
 */

export interface Turns {
  /** Resolves at once, or in a later turn of the event loop, first come, first served. */
  take(): Promise<void> | undefined;
  /** Work of so many milliseconds was done in this turn. */
  spent(ms: number): void;
}

export function createTurns(shareMs: number): Turns {
  let spentMs = 0;
  let armed = false;
  const line: (() => void)[] = [];

  const next = (): void => {
    armed = false;
    spentMs = 0;
    line.shift()?.();
    if (line.length > 0) arm();
  };
  const arm = (): void => {
    if (armed) return;
    armed = true;
    setImmediate(next);
  };

  return {
    take() {
      if (spentMs < shareMs && line.length === 0) return undefined;
      return new Promise((resolve) => {
        line.push(resolve);
        arm();
      });
    },
    spent(ms) {
      spentMs += ms;
      arm();
    },
  };
}

/** The turns of this process's RPC thread: 4 ms each keep its longest gap, with what else a turn does, below 10 ms. */
export const rpcTurns = createTurns(4);
