/**
 * Those who wait for one model, over all callers. Requests take turns: the one whose turn it is leads a batch with its next text,
 * and texts of similar length, its own and others', come along; so a request of a thousand texts holds up nobody, and requests
 * of one text are served oldest first. Bounded in entries and in tokens; what its caller has given up or whose deadline has
 * passed leaves before it runs. A request enters whole or not at all, in order of length, so that neighbours make tight batches.
 */
import type { Clock } from '../chassis/clock.js';
import { abortReason, MeshError } from '../chassis/errors.js';
import { type BatchLimits, pickBatch } from './batcher.js';
import type { Input } from './quarantine.js';

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
  /** Called with the number of entries that leave without having run. */
  onDrop(count: number): void;
}

export interface Queue<Item extends Input, Result> {
  /** Resolves with one result an item, in order. Rejects with QUEUE_FULL, the signal's reason, DEADLINE_EXCEEDED, or what `fail` was called with. */
  push(items: readonly Item[], options: { signal: AbortSignal; deadlineMs: number }): Promise<Result[]>;
  /** The next batch, empty where nobody waits. */
  take(): Entry<Item, Result>[];
  /** Puts entries back at the front, to run as exactly this batch. */
  putBack(batch: Entry<Item, Result>[]): void;
  readonly length: number;
  readonly tokens: number;
  /** Tokens of others that go first where a request of `own` tokens comes now: requests take turns, a batch each. */
  tokensBefore(own: number): number;
  /** Fails everything that waits. */
  close(error: MeshError): void;
}

/** The part of a request that waits. */
interface Line<Item extends Input, Result> {
  readonly group: Group<Result>;
  /** `entries[head..]` wait, in order of length. */
  entries: Entry<Item, Result>[];
  head: number;
  /** Of those who wait. */
  tokens: number;
}

export function createQueue<Item extends Input, Result>(options: QueueOptions): Queue<Item, Result> {
  const { name, units, clock, windowMax } = options;
  /** Requests that wait, the one whose turn it is first. */
  const lines = new Map<Group<Result>, Line<Item, Result>>();
  /** Batches that run as they are, before anything else. */
  let again: Entry<Item, Result>[][] = [];
  let length = 0;
  let tokens = 0;

  const count = (entries: readonly Entry<Item, Result>[], sign: 1 | -1): void => {
    length += sign * entries.length;
    for (const entry of entries) tokens += sign * entry.tokens;
  };

  /** What a request that ends leaves behind. */
  const abandon = (group: Group<Result>): void => {
    const { entries = [], head = 0 } = lines.get(group) ?? {};
    const left = entries.slice(head);
    lines.delete(group);
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
      if (taken.has(entry)) line.tokens -= entry.tokens;
      else entries[--place] = entry;
    }
    line.head = place;
    if (place === entries.length) lines.delete(line.group);
  };

  const full = (items: number): MeshError => {
    const retryAfterMs = Math.ceil(Math.min(30_000, Math.max(50, options.drainMs(tokens) ?? 1_000)));
    const { entriesMax, tokensMax } = options;
    return new MeshError(
      'QUEUE_FULL',
      `${name}: ${length} ${units.items} of ${tokens} ${units.weight} are waiting, ${items} more would pass the limit of ${entriesMax} ${units.items} or ${tokensMax} ${units.weight}: retry in ${retryAfterMs} ms`,
      { retryAfterMs, facts: { model: name } },
    );
  };

  return {
    push(items, { signal, deadlineMs }) {
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
        const { entriesMax, tokensMax } = options;
        // A request that finds the queue empty is taken whatever its size: it could never be served otherwise.
        if (length > 0 && (length + items.length > entriesMax || tokens + added > tokensMax)) {
          return reject(full(items.length));
        }
        if (entries.length > 1) entries.sort((a, b) => a.tokens - b.tokens || a.index - b.index);
        signal.addEventListener('abort', onAbort, { once: true });
        lines.set(group, { group, entries, head: 0, tokens: added });
        length += items.length;
        tokens += added;
      });
    },

    take() {
      for (let batch = again.shift(); batch; batch = again.shift()) {
        count(batch, -1);
        const living = batch.filter(({ group }) => alive(group));
        if (living.length < batch.length) options.onDrop(batch.length - living.length);
        if (living.length > 0) return living;
      }
      const window: Entry<Item, Result>[] = [];
      /** Who was looked at, and how far. */
      const looked: [Line<Item, Result>, number][] = [];
      for (const line of lines.values()) {
        if (!alive(line.group)) continue;
        // Half the window is for company from other requests, where there are any.
        const most = looked.length === 0 && lines.size > 1 ? Math.ceil(windowMax / 2) : windowMax - window.length;
        const before = window.length;
        look(line, window, most);
        looked.push([line, window.length - before]);
        if (window.length >= windowMax) break;
      }
      const batch = pickBatch(window, options.batch).map((place) => window[place] as Entry<Item, Result>);
      const taken = new Set(batch);
      for (const [line, far] of looked) remove(line, taken, far);
      const [first] = looked;
      if (first && lines.delete(first[0].group)) lines.set(first[0].group, first[0]); // it had its turn: to the end
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

    tokensBefore(own) {
      const turns = Math.max(1, Math.ceil(own / options.batch.tokensMax)) * options.batch.tokensMax;
      let before = 0;
      for (const line of lines.values()) before += Math.min(line.tokens, turns);
      return before;
    },

    close(error) {
      for (const group of new Set([...lines.keys(), ...again.flat().map((entry) => entry.group)])) group.fail(error);
    },
  };
}
