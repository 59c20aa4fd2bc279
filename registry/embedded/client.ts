/**
 * The driver of the embedded registry: one Announce stream for each registration, one Watch stream for each watch, on one
 * channel. Both come back with back-off and jitter when the registry does; until then the roster keeps what was known.
 */
import { type Channel, createChannel } from '../../chassis/channel.js';
import { type Clock, sleep, systemClock } from '../../chassis/clock.js';
import { type Logger, silentLogger } from '../../chassis/log.js';
import { plainText, type TlsSettings } from '../../chassis/tls.js';
import { definition } from '../../protos/index.js';
import { createBackoff } from '../backoff.js';
import { type CreateProbe, STREAM_MS } from '../probe.js';
import type { Instance, Registration, Registry } from '../registry.js';
import { createRoster, type Roster } from '../roster.js';
import { fromWire, isPassing, toWire } from './wire.js';

export interface EmbeddedRegistryOptions {
  /** "host:port" of the process that serves plexus.v1.Registry. */
  address: string;
  tls?: TlsSettings;
  clock?: Clock;
  log?: Logger;
  random?: () => number;
  /** See registry/settings.ts. */
  graceMs?: number;
  createProbe?: CreateProbe;
}

/** register, update and deregister wait this long for the registry's word, then go on without it. */
const ANSWER_MS = 2_000;

interface Context {
  channel: Channel;
  clock: Clock;
  log: Logger;
  random: () => number;
}

export function createEmbeddedRegistry(options: EmbeddedRegistryOptions): Registry {
  const { address, tls = plainText, clock = systemClock, log = silentLogger, random = Math.random } = options;
  const { graceMs = 900_000, createProbe } = options;
  const channel = createChannel(address, { tls });
  const context: Context = { channel, clock, log, random };
  const closed = new AbortController();
  const rosters = new Set<Roster>();

  return {
    kind: 'embedded',
    register: (instance) => announce(context, instance, closed.signal),
    watch(capability) {
      const stop = new AbortController();
      const onClose = (): void => {
        rosters.delete(roster);
        stop.abort(new Error('the watch was closed'));
      };
      const roster = createRoster({ clock, random, tls, graceMs, onClose, ...(createProbe && { createProbe }) });
      rosters.add(roster);
      if (closed.signal.aborted) roster.watch.close();
      else void follow(context, capability, roster, stop.signal); // never rejects; ends with the watch
      return roster.watch;
    },
    async close() {
      closed.abort(new Error('the registry was closed'));
      for (const roster of [...rosters]) roster.watch.close();
      channel.close();
    },
  };
}

/** Keeps one Watch stream open until `signal` aborts. */
async function follow(
  { channel, clock, log, random }: Context,
  capability: string,
  roster: Roster,
  signal: AbortSignal,
): Promise<void> {
  const { Watch } = definition('plexus.v1.Registry');
  const backoff = createBackoff({ firstMs: 100, maxMs: 2_000, random });
  while (!signal.aborted) {
    let fresh = true;
    try {
      for await (const { instances } of channel.serverStream(
        Watch,
        { capability },
        { deadlineMs: clock.now() + STREAM_MS, signal },
      )) {
        backoff.reset();
        roster.believe(instances.filter(isPassing).map(fromWire), fresh);
        fresh = false;
      }
    } catch (error) {
      if (!signal.aborted)
        log.warn(
          { registry: channel.address, capability, err: error },
          'registry away; going on with the last known instances',
        );
    }
    await sleep(clock, backoff.next(), signal).catch(() => {});
  }
}

/** Keeps one Announce stream open until the registration ends. Resolves at the first word of the registry, or of its absence. */
async function announce(context: Context, given: Instance, closed: AbortSignal): Promise<Registration> {
  const { channel, clock, log, random } = context;
  const { Announce } = definition('plexus.v1.Registry');
  const backoff = createBackoff({ firstMs: 100, maxMs: 2_000, random });
  const gone = new AbortController();
  const onClosed = (): void => gone.abort(closed.reason);
  closed.addEventListener('abort', onClosed, { once: true });
  if (closed.aborted) onClosed();
  let instance = given;
  let revision = 1;
  let leaving = false;
  let wake = (): void => {};
  /** Who waits for the registry's word: called at the next answer, and when there is none to be had. */
  const waiting: (() => void)[] = [];
  const answer = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  /** The instance, then again after every change; ends when it leaves, which closes the stream. */
  async function* announcements(ended: AbortSignal) {
    let sent = 0;
    const onEnd = (): void => wake();
    ended.addEventListener('abort', onEnd, { once: true });
    while (!leaving && !ended.aborted) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (sent === revision) await changed;
      else {
        sent = revision;
        yield { instance: toWire(instance, 'unknown') };
      }
    }
  }

  const run = async (): Promise<void> => {
    while (!gone.signal.aborted && !leaving) {
      const round = new AbortController();
      try {
        const settings = { deadlineMs: clock.now() + STREAM_MS, signal: gone.signal };
        for await (const _ of channel.bidi(Announce, announcements(round.signal), settings)) {
          backoff.reset();
          answer();
        }
      } catch (error) {
        if (!gone.signal.aborted)
          log.warn({ registry: channel.address, id: instance.id, err: error }, 'not registered; trying again');
      }
      round.abort();
      answer();
      if (!leaving) await sleep(clock, backoff.next(), gone.signal).catch(() => {});
    }
    closed.removeEventListener('abort', onClosed);
    answer();
  };

  const atMost = async (event: Promise<void>): Promise<void> => {
    const limit = new AbortController();
    await Promise.race([event, sleep(clock, ANSWER_MS, limit.signal).catch(() => {})]);
    limit.abort();
  };
  const word = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
    });

  const first = word();
  const ended = run();
  await atMost(first);

  return {
    async update(change) {
      instance = { ...instance, ...change };
      revision++;
      const told = word();
      wake();
      await atMost(told);
    },
    async deregister() {
      leaving = true;
      wake();
      await atMost(ended);
      gone.abort(new Error('deregistered'));
    },
  };
}
