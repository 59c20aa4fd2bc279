/**
 * Those who wait for one model, over all callers, oldest first. Bounded in entries and in tokens; what its caller has given up or
 * whose deadline has passed leaves before it runs. A request enters whole or not at all, in order of length, so that even a
 * narrow window finds company of similar length.
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
  /** False once answered, failed or abandoned: entries of it that still stand in line are passed over. */
  readonly open: boolean;
  /** Of this request, in the queue. */
  waiting: number;
  waitingTokens: number;
  /** The answer of one text; the last one answers the request. */
  settle(index: number, result: Result): void;
  /** Ends the request; harmless once it has ended. */
  fail(error: MeshError): void;
}

export interface QueueOptions {
  name: string;
  entriesMax: number;
  tokensMax: number;
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
  /** Fails everything that waits. */
  close(error: MeshError): void;
}

export function createQueue<Item extends Input, Result>(options: QueueOptions): Queue<Item, Result> {
  const { name, clock } = options;
  /** `entries[head..]` stand in line. Those whose group is closed no longer count; they are passed over when their turn comes. */
  let entries: Entry<Item, Result>[] = [];
  let head = 0;
  /** Batches that run as they are, before anything else. */
  const again: Entry<Item, Result>[][] = [];
  let length = 0;
  let tokens = 0;

  const count = ({ group, tokens: own }: Entry<Item, Result>, sign: 1 | -1): void => {
    length += sign;
    tokens += sign * own;
    group.waiting += sign;
    group.waitingTokens += sign * own;
  };

  /** What a group that ends leaves behind frees its place at once; the line itself is swept when more than half of it is dead. */
  const abandon = (group: Group<Result>): void => {
    if (group.waiting === 0) return;
    length -= group.waiting;
    tokens -= group.waitingTokens;
    options.onDrop(group.waiting);
    group.waiting = 0;
    group.waitingTokens = 0;
    if (entries.length - head > 2 * length + 1_024) {
      entries = entries.slice(head).filter((entry) => entry.group.open);
      head = 0;
    }
  };

  /** False, and the group failed, where the entry must not run any more. */
  const alive = ({ group }: Entry<Item, Result>): boolean => {
    if (group.open && group.deadlineMs <= clock.now()) {
      group.fail(new MeshError('DEADLINE_EXCEEDED', `${name}: the deadline passed while the text waited in the queue`));
    }
    return group.open;
  };

  return {
    push(items, { signal, deadlineMs }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(abortReason(signal));
        let added = 0;
        for (const { ids } of items) added += Math.max(1, ids.length);
        if (length > 0 && (length + items.length > options.entriesMax || tokens + added > options.tokensMax)) {
          const retryAfterMs = Math.ceil(Math.min(30_000, Math.max(50, options.drainMs(tokens) ?? 1_000)));
          return reject(
            new MeshError(
              'QUEUE_FULL',
              `${name}: ${length} texts of ${tokens} tokens are waiting; the limit is ${options.entriesMax} texts and ${options.tokensMax} tokens: retry in ${retryAfterMs} ms`,
              { retryAfterMs, facts: { model: name } },
            ),
          );
        }
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
          waiting: 0,
          waitingTokens: 0,
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
        signal.addEventListener('abort', onAbort, { once: true });

        const queuedMs = clock.monotonic();
        const made = items.map((item, index) => {
          return { item, index, group, queuedMs, tokens: Math.max(1, item.ids.length), strikes: 0 };
        });
        if (made.length > 1) made.sort((a, b) => a.tokens - b.tokens || a.index - b.index);
        for (const entry of made) {
          entries.push(entry);
          count(entry, 1);
        }
      });
    },

    take() {
      for (let batch = again.shift(); batch; batch = again.shift()) {
        const living = batch.filter(alive);
        for (const entry of living) count(entry, -1);
        if (living.length > 0) return living;
      }
      const window: Entry<Item, Result>[] = [];
      let end = head;
      for (; end < entries.length && window.length < options.windowMax; end++) {
        const entry = entries[end] as Entry<Item, Result>;
        if (alive(entry)) window.push(entry);
      }
      const picked = new Set(pickBatch(window, options.batch));
      const batch: Entry<Item, Result>[] = [];
      // Those of the window who stay move up against those behind it; the rest of the queue is not touched.
      let place = end;
      for (let i = window.length - 1; i >= 0; i--) {
        const entry = window[i] as Entry<Item, Result>;
        if (picked.has(i)) batch.push(entry);
        else entries[--place] = entry;
      }
      head = place;
      if (head > 1_024 && head * 2 > entries.length) {
        entries = entries.slice(head);
        head = 0;
      }
      for (const entry of batch) count(entry, -1);
      return batch.reverse();
    },

    putBack(batch) {
      const living = batch.filter(({ group }) => group.open);
      for (const entry of living) count(entry, 1);
      if (living.length > 0) again.push(living);
    },

    get length() {
      return length;
    },
    get tokens() {
      return tokens;
    },

    close(error) {
      const all = [...again.flat(), ...entries.slice(head)];
      again.length = 0;
      entries = [];
      head = 0;
      for (const { group } of all) group.fail(error);
    },
  };
}
