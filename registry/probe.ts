/**
 * Is the process at this address serving? Two looks at grpc.health.v1: the Watch stream says at once when a process drains or
 * dies (its connection breaks), and a Check every second finds the one that hangs, whose open stream would say nothing.
 * Used by the drivers that have no Consul to do it, and on instances that a registry suddenly no longer names.
 */
import { type Channel, createChannel } from '../chassis/channel.js';
import { type Clock, sleep } from '../chassis/clock.js';
import type { TlsSettings } from '../chassis/tls.js';
import { definition } from '../protos/index.js';
import { createBackoff } from './backoff.js';

/** `unknown` until the first answer or failure. */
export type ProbeState = 'unknown' | 'serving' | 'away';

export interface Probe {
  readonly state: ProbeState;
  close(): void;
}

export interface ProbeOptions {
  address: string;
  /** Name in the health service; "" is the process as a whole. */
  service: string;
  clock: Clock;
  random: () => number;
  tls: TlsSettings;
  /** Called after every change of state. */
  onChange: (state: ProbeState) => void;
  /** Between two Checks; a Check may take as long again before it counts as failed. Default 1,000. */
  intervalMs?: number;
}

/** How a probe is made; tests hand in one without a network. */
export type CreateProbe = (options: ProbeOptions) => Probe;

/** A stream is asked to live this long: the server would end one without a deadline after a minute. */
export const STREAM_MS = 12 * 3_600_000;

export function createProbe(options: ProbeOptions): Probe {
  const { clock, random, intervalMs = 1_000 } = options;
  const closed = new AbortController();
  const channel = createChannel(options.address, { tls: options.tls, messageBytesMax: 65_536 });
  const backoff = createBackoff({ firstMs: 100, maxMs: 1_000, random });
  let state: ProbeState = 'unknown';
  const become = (next: ProbeState): void => {
    if (state === next || closed.signal.aborted) return;
    state = next;
    options.onChange(next);
  };

  const run = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      const round = new AbortController();
      const stop = (): void => round.abort(closed.signal.reason);
      closed.signal.addEventListener('abort', stop, { once: true });
      const checking = checkUntilFailure(channel, options.service, clock, intervalMs, random, round);
      try {
        for await (const serving of statuses(channel, options.service, clock, round.signal)) {
          if (serving) backoff.reset();
          become(serving ? 'serving' : 'away');
        }
      } catch {
        become('away'); // refused, reset, hung, or no health service: all the same to a caller
      }
      round.abort();
      closed.signal.removeEventListener('abort', stop);
      await checking;
      await sleep(clock, backoff.next(), closed.signal).catch(() => {});
    }
  };
  void run(); // never rejects; ends when the probe is closed

  return {
    get state() {
      return state;
    },
    close() {
      closed.abort(new Error('closed'));
      channel.close();
    },
  };
}

async function* statuses(
  channel: Channel,
  service: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<boolean> {
  const { Watch } = definition('grpc.health.v1.Health');
  const answers = channel.serverStream(Watch, { service }, { deadlineMs: clock.now() + STREAM_MS, signal });
  for await (const { status } of answers) yield status === 'SERVING';
}

/** Ends when `round` does, and ends `round` where a Check is not answered in time. Never rejects. */
async function checkUntilFailure(
  channel: Channel,
  service: string,
  clock: Clock,
  intervalMs: number,
  random: () => number,
  round: AbortController,
): Promise<void> {
  const { Check } = definition('grpc.health.v1.Health');
  const { signal } = round;
  try {
    for (;;) {
      await sleep(clock, intervalMs * (0.75 + random() / 2), signal);
      await channel.unary(Check, { service }, { deadlineMs: clock.now() + intervalMs * 2, signal });
    }
  } catch (error) {
    round.abort(error); // no effect where `round` ended first
  }
}
