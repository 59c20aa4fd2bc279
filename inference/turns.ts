/**
 * A few milliseconds of work a turn of the event loop, over all callers of the process: whoever has work for the RPC thread asks
 * for a turn first and says afterwards what it took. While the turn's share is not used up, everybody goes on at once (a short
 * text never waits); then the rest takes its place in line, and health checks, cancellations and answers come in between. Who has least
 * left goes first: a small request passes a big one, and of big ones that came together one is through, and can be computed,
 * while the others still wait (in equal turns all would be through at the end only). Nobody is passed over for long.
 */

export interface Turns {
  /** Resolves at once, or in a later turn of the event loop. `left`: pieces of work the caller still has, this one included. */
  take(left?: number): Promise<void> | undefined;
  /** Work of so many milliseconds was done in this turn. */
  spent(ms: number): void;
}

/** Turns in which others may go before the one who has waited longest. */
const PASSED_MAX = 8;

export function createTurns(shareMs: number): Turns {
  let spentMs = 0;
  let armed = false;
  /** Oldest first. */
  const line: { left: number; resume: () => void }[] = [];
  /** Turns in which the oldest was passed over. */
  let passed = 0;

  const takeNext = (): (() => void) | undefined => {
    let place = 0;
    if (passed < PASSED_MAX) {
      for (let at = 1; at < line.length; at++) {
        if ((line[at]?.left ?? 0) < (line[place]?.left ?? 0)) place = at;
      }
    }
    passed = place === 0 ? 0 : passed + 1;
    return line.splice(place, 1)[0]?.resume;
  };

  const next = (): void => {
    armed = false;
    spentMs = 0;
    takeNext()?.();
    if (line.length > 0) arm();
  };
  const arm = (): void => {
    if (armed) return;
    armed = true;
    setImmediate(next);
  };

  return {
    take(left = 1) {
      if (spentMs < shareMs && line.length === 0) return undefined;
      return new Promise((resume) => {
        line.push({ left, resume });
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
