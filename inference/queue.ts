/**
 * Those who wait for one model, over all callers. Requests take turns (seats.ts): the one whose turn it is leads a batch with its
 * next text, and texts of similar length, its own and others', come along; so a request of a thousand texts holds up nobody, and
 * requests of one text are served oldest first. Bounded in entries and in tokens: where it is full, the less critical give way.
 * What its caller has given up or whose deadline has passed leaves before it runs. A request enters whole or not at all, in order
 * of length, so that neighbours make tight batches.
 */
import type { Criticality } from '../chassis/caller.js';
import type { Clock } from '../chassis/clock.js';
import { abortReason, MeshError } from '../chassis/errors.js';
import { type BatchCost, type BatchLimits, pickBatch } from './batcher.js';
import type { Input } from './quarantine.js';
import { createSeats, type Seat } from './seats.js';

/** One text in the queue or in a batch. */
export interface Entry<Item extends Input, Result> {
  readonly item: Item;
  /** At least 1. */
  readonly tokens: number;
  readonly index: number;
  readonly group: Group<Result>;
  readonly queuedMs: number;
  /** Workers this entry was in when they died. */
  strikes: number;
}

/** The texts of one request: they are answered together. */
export interface Group<Result> {
  readonly deadlineMs: number;
  /** False once answered, failed or abandoned: what of it still waits never runs. */
  readonly open: boolean;
  /** The answer of one text; the last one answers the request. */
  settle(index: number, result: Result): void;
  /** Ends the request; harmless once it has ended. */
  fail(error: MeshError): void;
}

export interface QueueOptions {
  name: string;
  /** How errors call what waits and what it weighs. */
  units: { items: string; weight: string };
  entriesMax: number;
  tokensMax: number;
  /** Entries that are looked at for one batch. */
  windowMax: number;
  batch: BatchLimits;
  clock: Clock;
  /** When to try again, told with QUEUE_FULL: milliseconds until the queue is through, where known. */
  drainMs(tokens: number): number | undefined;
  /** What batches cost, as far as it is known. */
  batchCost(): BatchCost;
  /** Tenants told apart, and their shares. */
  tenantsMax: number;
  tenantShares: ReadonlyMap<string, number>;
  /** Called for each request that is let in. */
  onEnter(request: PushOptions, entries: number, tokens: number): void;
  /** Called with the number of entries that leave without having run. */
  onDrop(count: number): void;
  /** Called for each request that is refused or gives way because the queue is full. */
  onShed(request: PushOptions): void;
}

/** Whose request it is, how much it matters, and how long it may wait. */
export interface PushOptions {
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch; Infinity for none. */
  readonly deadlineMs: number;
  readonly tenant: string;
  readonly criticality: Criticality;
}

export interface Queue<Item extends Input, Result> {
  /** Resolves with one result an item, in order. Rejects with QUEUE_FULL, the signal's reason, DEADLINE_EXCEEDED, or what `fail` was called with. */
  push(items: readonly Item[], options: PushOptions): Promise<Result[]>;
  /** The next batch, of at most so many padded tokens where that is less than the limit; empty where nobody waits. */
  take(tokensMax?: number): Entry<Item, Result>[];
  /** Puts entries back at the front, to run as exactly this batch. */
  putBack(batch: Entry<Item, Result>[]): void;
  readonly length: number;
  readonly tokens: number;
  /** Tokens that would go first where a request of `own` tokens came now: requests take turns, a batch of `turn` tokens each. */
  tokensBefore(own: number, request: Pick<PushOptions, 'tenant' | 'criticality'>, turn?: number): number;
  /** Fails everything that waits. */
  close(error: MeshError): void;
}

/** The part of a request that waits; its `weight` is in tokens. */
interface Line<Item extends Input, Result> extends Seat {
  readonly group: Group<Result>;
  readonly request: PushOptions;
  /** `entries[head..]` wait, in order of length. */
  readonly entries: Entry<Item, Result>[];
  head: number;
  count: number;
}

/** Batches that a tenant may be ahead of its share before its texts ride along in others' batches no more. */
const AHEAD_BATCHES = 4;

export function createQueue<Item extends Input, Result>(options: QueueOptions): Queue<Item, Result> {
  const { name, units, clock, windowMax } = options;
  const lines = new Map<Group<Result>, Line<Item, Result>>();
  const seats = createSeats<Line<Item, Result>>({
    tenantsMax: options.tenantsMax,
    shares: options.tenantShares,
    aheadMax: AHEAD_BATCHES * options.batch.tokensMax,
    turnWeight: options.batch.tokensMax,
  });
  /** Batches that run as they are, before anything else. */
  let again: Entry<Item, Result>[][] = [];
  let length = 0;
  let tokens = 0;

  const count = (entries: readonly Entry<Item, Result>[], sign: 1 | -1): void => {
    length += sign * entries.length;
    for (const entry of entries) tokens += sign * entry.tokens;
  };

  const leave = (line: Line<Item, Result>): void => {
    lines.delete(line.group);
    seats.remove(line);
  };

  /** What a request that ends leaves behind. */
  const abandon = (group: Group<Result>): void => {
    const line = lines.get(group);
    const left = line ? line.entries.slice(line.head) : [];
    if (line) leave(line);
    if (again.length > 0) {
      left.push(...again.flat().filter((entry) => entry.group === group));
      again = again.map((batch) => batch.filter((entry) => entry.group !== group)).filter((batch) => batch.length > 0);
    }
    if (left.length === 0) return;
    count(left, -1);
    options.onDrop(left.length);
  };

  /** False, and the request failed, where it must not run any more. */
  const alive = (group: Group<Result>): boolean => {
    if (group.open && group.deadlineMs <= clock.now()) {
      group.fail(new MeshError('DEADLINE_EXCEEDED', `${name}: the deadline passed in the queue`));
    }
    return group.open;
  };

  /** The first `most` entries of a line, added to the window. */
  const look = ({ entries, head }: Line<Item, Result>, window: Entry<Item, Result>[], most: number): void => {
    const end = Math.min(entries.length, head + most);
    for (let place = head; place < end; place++) window.push(entries[place] as Entry<Item, Result>);
  };

  /** Takes entries out of a line; all stand among its first `looked`. Those who stay move up against those behind. */
  const remove = (line: Line<Item, Result>, taken: ReadonlySet<Entry<Item, Result>>, looked: number): void => {
    const { entries } = line;
    let place = Math.min(entries.length, line.head + looked);
    for (let at = place - 1; at >= line.head; at--) {
      const entry = entries[at] as Entry<Item, Result>;
      if (taken.has(entry)) seats.take(line, entry.tokens);
      else entries[--place] = entry;
    }
    line.head = place;
    line.count = entries.length - place;
    if (place === entries.length) leave(line);
  };

  /** The request whose turn it is; those that must not run any more leave. */
  const leader = (): Line<Item, Result> | undefined => {
    for (let line = seats.leader(); line; line = seats.leader()) if (alive(line.group)) return line;
    return undefined;
  };

  const retryAfterMs = (): number => Math.ceil(Math.min(30_000, Math.max(50, options.drainMs(tokens) ?? 1_000)));

  /** Makes room for a request, or throws QUEUE_FULL. One that finds the queue empty is taken whatever its size: it could never be served otherwise. */
  const makeRoom = (request: PushOptions, count: number, weight: number): void => {
    const { entriesMax, tokensMax } = options;
    const need = { count: length + count - entriesMax, weight: tokens + weight - tokensMax };
    if (length === 0 || (need.count <= 0 && need.weight <= 0)) return;
    const going = seats.givingWay({ ...request, weight }, need);
    if (!going) {
      options.onShed(request);
      throw full(count);
    }
    for (const { group, request: shed } of going) {
      options.onShed(shed);
      const text = `${name}: the queue is full and this request gave way to one that is more critical, or of a tenant that holds less of it: retry in ${retryAfterMs()} ms`;
      group.fail(new MeshError('QUEUE_FULL', text, { retryAfterMs: retryAfterMs(), facts: { model: name } }));
    }
  };

  const full = (items: number): MeshError => {
    const afterMs = retryAfterMs();
    const { entriesMax, tokensMax } = options;
    return new MeshError(
      'QUEUE_FULL',
      `${name}: ${length} ${units.items} of ${tokens} ${units.weight} are waiting, ${items} more would pass the limit of ${entriesMax} ${units.items} or ${tokensMax} ${units.weight}: retry in ${afterMs} ms`,
      { retryAfterMs: afterMs, facts: { model: name } },
    );
  };

  return {
    push(items, request) {
      const { signal, deadlineMs } = request;
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(abortReason(signal));
        if (items.length === 0) return resolve([]);
        const results: Result[] = new Array(items.length);
        let left = items.length;
        let open = true;
        const end = (): void => {
          open = false;
          signal.removeEventListener('abort', onAbort);
          abandon(group);
        };
        const group: Group<Result> = {
          deadlineMs,
          get open() {
            return open;
          },
          settle(index, result) {
            if (!open) return;
            results[index] = result;
            if (--left > 0) return;
            end();
            resolve(results);
          },
          fail(error) {
            if (!open) return;
            end();
            reject(error);
          },
        };
        const onAbort = (): void => group.fail(abortReason(signal));

        const queuedMs = clock.monotonic();
        let added = 0;
        const entries = items.map((item, index) => {
          const own = Math.max(1, item.weight);
          added += own;
          return { item, index, group, queuedMs, tokens: own, strikes: 0 };
        });
        makeRoom(request, items.length, added); // what it throws, the promise rejects with
        if (entries.length > 1) entries.sort((a, b) => a.tokens - b.tokens || a.index - b.index);
        signal.addEventListener('abort', onAbort, { once: true });
        const { tenant, criticality } = request;
        const line = { group, request, tenant, criticality, entries, head: 0, count: items.length, weight: added };
        lines.set(group, line);
        seats.add(line);
        length += items.length;
        tokens += added;
        options.onEnter(request, items.length, added);
      });
    },

    take(tokensMax = options.batch.tokensMax) {
      for (let batch = again.shift(); batch; batch = again.shift()) {
        count(batch, -1);
        const living = batch.filter(({ group }) => alive(group));
        if (living.length < batch.length) options.onDrop(batch.length - living.length);
        if (living.length > 0) return living;
      }
      const first = leader();
      if (!first) return [];
      const window: Entry<Item, Result>[] = [];
      // Half the window is for company from other requests, where there are any.
      look(first, window, seats.size > 1 ? Math.ceil(windowMax / 2) : windowMax);
      /** Who was looked at, and how far. */
      const looked: [Line<Item, Result>, number][] = [[first, window.length]];
      for (const line of seats.company(first)) {
        if (window.length >= windowMax) break;
        if (!alive(line.group)) continue;
        const before = window.length;
        look(line, window, Math.min(windowMax - before, Math.ceil(windowMax / 4))); // no line keeps all others out
        looked.push([line, window.length - before]);
      }
      const limits = { ...options.batch, tokensMax: Math.min(tokensMax, options.batch.tokensMax) };
      const places = pickBatch(window, limits, { nowMs: clock.monotonic(), cost: options.batchCost() });
      const batch = places.map((place) => window[place] as Entry<Item, Result>);
      const taken = new Set(batch);
      seats.led(first);
      for (const [line, far] of looked) remove(line, taken, far);
      count(batch, -1);
      return batch;
    },

    putBack(batch) {
      const living = batch.filter(({ group }) => group.open);
      if (living.length === 0) return;
      count(living, 1);
      again.push(living);
    },

    get length() {
      return length;
    },
    get tokens() {
      return tokens;
    },

    tokensBefore: (own, { tenant, criticality }, turn = options.batch.tokensMax) =>
      seats.before({ tenant, criticality, weight: own }, turn),

    close(error) {
      for (const group of new Set([...lines.keys(), ...again.flat().map((entry) => entry.group)])) group.fail(error);
    },
  };
}
