/**
 * The upstream stack, top to bottom. A call enters at the first line and leaves at the last; each layer is one file with its
 * reasons, has an off switch in settings.ts, counters in counters.ts and a test of its own with a virtual clock.
 */
import type { Clock } from '../../chassis/clock.js';
import type { Balance } from './balance.js';
import { type Breaker, createBreaker } from './breaker.js';
import type { Budget } from './budget.js';
import type { Bulkhead } from './bulkhead.js';
import type { ContentCache } from './cache.js';
import type { Counters } from './counters.js';
import { type DispatchOptions, type OpenStream, sendBidi, sendServerStream, sendUnary } from './dispatch.js';
import { createEjector } from './eject.js';
import type { Endpoint, Observer } from './endpoint.js';
import { type Layer, type Reply, type Result, type Send, stack } from './flight.js';
import { hedge } from './hedge.js';
import type { Latency } from './latency.js';
import { createLoad } from './load.js';
import type { Retry } from './retry.js';
import type { UpstreamSettings } from './settings.js';
import type { Throttle } from './throttle.js';

/** What the layers of one capability share. */
export interface CallStackParts {
  settings: UpstreamSettings;
  cache: ContentCache;
  throttle: Throttle;
  bulkhead: Bulkhead;
  retry: Retry;
  /** Its parent is the budget shared with retries. */
  hedgeBudget: Budget;
  balance: Balance;
  latency: (method: string) => Latency;
  dispatch: DispatchOptions;
  clock: Clock;
  counters: Counters;
}

// Above all of these: deadline.ts makes the call a flight, keeps a reserve of its time and ends it exactly once.

/** What a unary call passes. */
export function unaryStack(parts: CallStackParts): Send<Reply> {
  const { settings, cache, counters } = parts;
  return stack<Reply>(
    [
      settings.cache || settings.singleFlight ? cache.layer(counters) : undefined, // the cheapest call is the one that is not made
      ...admission<Reply>(parts),
      retrying<Reply>(parts), // below the bulkhead: a retry keeps the place its call has
      hedging<Reply>(parts), // below retry: both of its attempts are one try
    ],
    sendUnary(parts.dispatch), // picks the instance (balance.ts), then everything of instanceStack
  );
}

/** What a server stream passes, up to its first message; it cannot be repeated after that, and is not hedged: both would generate. */
export function serverStreamStack(parts: CallStackParts): Send<OpenStream> {
  return stack<OpenStream>(
    [...admission<OpenStream>(parts), retrying<OpenStream>(parts)],
    sendServerStream(parts.dispatch),
  );
}

/** What a bidi stream passes: its requests are read once, so it is sent once. */
export function bidiStack(requests: AsyncIterable<Buffer>, parts: CallStackParts): Send<OpenStream> {
  return stack<OpenStream>(admission<OpenStream>(parts), sendBidi(requests, parts.dispatch));
}

function admission<R extends Result>({
  settings,
  throttle,
  bulkhead,
  counters,
}: CallStackParts): (Layer<R> | undefined)[] {
  return [
    settings.throttle ? throttle.layer<R>(counters) : undefined, // what instances would refuse is refused before it waits
    settings.bulkhead ? bulkhead.layer<R>() : undefined, // one capability in trouble cannot take the whole gateway
  ];
}

function retrying<R extends Result>({ settings, retry }: CallStackParts): Layer<R> | undefined {
  return settings.retry ? retry.layer<R>() : undefined;
}

function hedging<R extends Result>(parts: CallStackParts): Layer<R> | undefined {
  const { settings, hedgeBudget, balance, latency, clock, counters } = parts;
  return settings.hedge
    ? hedge<R>({ msMin: settings.hedgeMsMin, budget: hedgeBudget, balance, latency, clock, counters })
    : undefined;
}

export interface InstanceStackParts {
  settings: UpstreamSettings;
  clock: Clock;
  counters: Counters;
  /** Average latency of the answers of the slowest sibling. */
  siblingMs: () => number;
  /** True where one more instance may be ejected. */
  mayEject: () => boolean;
  /** It was ejected or its breaker opened. */
  onOut: () => void;
}

/** What hears of every attempt to one instance, after poison.ts has told the bad request from the bad instance. Below them: pool.ts, the connections. */
export function instanceStack(endpoint: Endpoint, parts: InstanceStackParts): readonly Observer[] {
  const { settings, clock, counters, siblingMs, mayEject, onOut } = parts;
  const observers: Observer[] = [createLoad(endpoint.load, { siblingMs })]; // what balance.ts compares
  if (settings.eject) {
    const ejector = createEjector({
      after: settings.ejectAfter,
      mayEject: () => !endpoint.ejected && mayEject(),
      eject() {
        counters.ejections++;
        endpoint.ejected = true;
        onOut();
      },
    });
    endpoint.ejector = ejector;
    observers.push(ejector); // by comparison with its siblings, after a handful of failures
  }
  if (settings.breaker) {
    const breaker: Breaker = createBreaker({
      name: `${endpoint.instance.capability}/${endpoint.id}`,
      percent: settings.breakerPercent,
      callsMin: settings.breakerCallsMin,
      clock,
      onOpen() {
        counters.breakerOpened++;
        onOut();
      },
    });
    endpoint.breaker = breaker;
    observers.push(breaker); // by itself, also where all of them fail
  }
  return observers;
}
