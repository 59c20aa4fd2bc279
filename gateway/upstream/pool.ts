/**
 * The connections to one instance. Every cancelled call resets a stream, and Node's nghttp2 closes a connection after 1000
 * resets (33 a second come back), with every healthy call on it. So a connection takes a call only while the resets it has
 * had and the calls in flight together stay below the limit: even if all of them are cancelled at once, none of them can
 * harm a neighbour. A connection that has used half of its resets takes no more calls and closes when it is empty.
 */
import type { Clock } from '../../chassis/clock.js';
import type { Counters } from './counters.js';
import type { Connect, Transport } from './transport.js';

/** A place on a connection. */
export interface Lease {
  readonly transport: Transport;
  /** Gives the place back; `reset` where the call was cut rather than answered. Only the first call counts. */
  release(reset: boolean): void;
}

export interface Pool {
  lease(): Lease;
  /** New connections for new calls: the old ones may be to a process that is gone, or wait out a back-off. */
  renew(): void;
  /** Closes every connection once its calls have ended. */
  close(): void;
  readonly connections: number;
}

interface Connection {
  transport: Transport;
  inFlight: number;
  resets: number;
  resetsAtMs: number;
  retired: boolean;
}

/** Resets a second that nghttp2 forgives; fewer than it does, to stay on the safe side. */
const FORGIVEN_PER_SECOND = 25;
/** Calls on the least busy connection from which another one is opened, up to `connections`. */
const SPREAD_AT = 8;

export function createPool(
  address: string,
  options: { connect: Connect; connections: number; resetsMax: number; clock: Clock; counters: Counters },
): Pool {
  const { connect, resetsMax, clock, counters } = options;
  const open = new Set<Connection>();
  let closed = false;

  const add = (): Connection => {
    counters.connectionsOpened++;
    const connection: Connection = {
      transport: connect(address),
      inFlight: 0,
      resets: 0,
      resetsAtMs: clock.monotonic(),
      retired: false,
    };
    open.add(connection);
    return connection;
  };
  const forgive = (connection: Connection): void => {
    const nowMs = clock.monotonic();
    connection.resets = Math.max(
      0,
      connection.resets - ((nowMs - connection.resetsAtMs) / 1_000) * FORGIVEN_PER_SECOND,
    );
    connection.resetsAtMs = nowMs;
  };
  const closeIfDone = (connection: Connection): void => {
    if (!connection.retired || connection.inFlight > 0) return;
    open.delete(connection);
    connection.transport.close();
  };
  const retire = (connection: Connection): void => {
    connection.retired = true;
    closeIfDone(connection);
  };
  const choose = (): Connection => {
    let best: Connection | undefined;
    let active = 0;
    for (const each of open) {
      if (each.retired) continue;
      active++;
      if (each.resets > 0) forgive(each);
      if (each.resets + each.inFlight < resetsMax && (!best || each.inFlight < best.inFlight)) best = each;
    }
    if (!best || (best.inFlight >= SPREAD_AT && active < options.connections)) return add();
    return best;
  };

  return {
    lease() {
      const connection = choose();
      connection.inFlight++;
      let released = false;
      return {
        transport: connection.transport,
        release(reset) {
          if (released) return;
          released = true;
          connection.inFlight--;
          if (reset) {
            forgive(connection);
            connection.resets++;
            counters.resets++;
            if (!connection.retired && connection.resets > resetsMax / 2) {
              counters.connectionsRotated++;
              connection.retired = true;
            }
          }
          if (closed) connection.retired = true;
          closeIfDone(connection);
        },
      };
    },
    renew() {
      for (const each of [...open]) retire(each);
    },
    close() {
      closed = true;
      for (const each of [...open]) retire(each);
    },
    get connections() {
      return open.size;
    },
  };
}
