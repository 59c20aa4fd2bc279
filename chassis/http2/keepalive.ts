/** Pings a peer that has said nothing for a while, and says so when it does not answer. Any byte of it counts as an answer. */
import type { Clock } from '../clock.js';

export interface Keepalive {
  /** Bytes came. */
  heard(): void;
  stop(): void;
}

export function createKeepalive(options: {
  clock: Clock;
  /** Silence after which it is pinged. */
  afterMs: number;
  /** Silence after the ping that means it is gone. */
  timeoutMs: number;
  ping: () => void;
  onDead: () => void;
}): Keepalive {
  const { clock, afterMs, timeoutMs, ping, onDead } = options;
  let alive = false;
  const look = (): void => {
    if (alive) {
      alive = false;
      cancel = clock.after(afterMs, look);
      return;
    }
    ping();
    cancel = clock.after(timeoutMs, () => {
      if (alive) look();
      else onDead();
    });
  };
  let cancel = clock.after(afterMs, look);
  return {
    heard() {
      alive = true;
    },
    stop: () => cancel(),
  };
}
