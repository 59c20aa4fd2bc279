/**
 * Who waits for a place. Tenants share the model by the steps their rows take, the more critical calls of a tenant go first, and
 * equals take turns, one entry each (seats.ts): a call with sixty texts does not keep out one with one, nor a tenant with sixty
 * calls one with one. Within a call the order stays.
 */
import type { Criticality } from '../../chassis/caller.js';
import { createSeats, type Seat, type SeatsOptions } from '../seats.js';

/** Whose entries they are. */
export interface Caller {
  /** Entries of one caller share its turns. */
  readonly caller: number;
  readonly tenant: string;
  readonly criticality: Criticality;
}

export interface Waiting<T> {
  readonly size: number;
  /** `weight`: steps of rows it will take, at least 1. */
  push(caller: Caller, entry: T, weight: number): void;
  /** The entry whose turn it is, of those not passed over in this round. Its caller's turn is over once `take` has taken it. */
  peek(): T | undefined;
  take(): T | undefined;
  /** Passes over the caller whose turn it is, in this round. */
  pass(): void;
  /** Nobody is passed over any more. */
  newRound(): void;
  remove(which: (entry: T) => boolean): T[];
}

interface Line<T> extends Seat, Caller {
  readonly entries: { entry: T; weight: number }[];
}

export function createWaiting<T>({ tenantsMax, shares }: Pick<SeatsOptions, 'tenantsMax' | 'shares'>): Waiting<T> {
  const seats = createSeats<Line<T>>({ tenantsMax, shares, aheadMax: Number.POSITIVE_INFINITY, turnWeight: 0 });
  const lines = new Map<number, Line<T>>();
  const passed = new Set<Line<T>>();
  let size = 0;
  /** Whose turn it is, and who comes then; undefined once anything has changed. */
  let turns: Iterator<Line<T>> | undefined;
  let current: Line<T> | undefined;

  function* inOrder(): Generator<Line<T>, void, undefined> {
    const leader = seats.leader();
    if (!leader) return;
    yield leader;
    yield* seats.company(leader);
  }
  const next = (): Line<T> | undefined => {
    if (turns) return current;
    turns = inOrder();
    return step();
  };
  const step = (): Line<T> | undefined => {
    do current = turns?.next().value ?? undefined;
    while (current && passed.has(current));
    return current;
  };
  const leave = (line: Line<T>): void => {
    lines.delete(line.caller);
    passed.delete(line);
    seats.remove(line);
  };

  return {
    get size() {
      return size;
    },
    push({ caller, tenant, criticality }, entry, weight) {
      size++;
      if (!current) turns = undefined; // else whose turn it is stays: somebody looks at its entry
      const known = lines.get(caller);
      if (known) {
        known.entries.push({ entry, weight });
        seats.grow(known, weight);
        return;
      }
      const entries = [{ entry, weight }];
      const line = {
        caller,
        tenant,
        criticality,
        entries,
        weight,
        get count() {
          return entries.length;
        },
      };
      lines.set(caller, line);
      seats.add(line);
    },
    peek: () => next()?.entries[0]?.entry,
    take() {
      const line = next();
      const first = line?.entries.shift();
      if (!line || !first) return undefined;
      size--;
      turns = undefined;
      seats.take(line, first.weight);
      seats.led(line);
      if (line.entries.length === 0) leave(line);
      return first.entry;
    },
    pass() {
      const line = next();
      if (!line) return;
      passed.add(line);
      step();
    },
    newRound() {
      passed.clear();
      turns = undefined;
    },
    remove(which) {
      const removed: T[] = [];
      turns = undefined;
      for (const line of [...lines.values()]) {
        const kept = line.entries.filter(({ entry }) => !which(entry));
        if (kept.length === line.entries.length) continue;
        for (const { entry, weight } of line.entries) {
          if (!which(entry)) continue;
          removed.push(entry);
          seats.grow(line, -weight);
        }
        line.entries.splice(0, line.entries.length, ...kept);
        if (kept.length === 0) leave(line);
      }
      size -= removed.length;
      return removed;
    },
  };
}
