/**
 * Sequences of different callers in one cache: who sits in which row, who joins, who leaves, when rows are moved. A row that was
 * left is computed on, its result unread, until somebody takes it or enough are empty that moving the others pays.
 */
import {
  assemble,
  assembledBytes,
  type Cache,
  cacheBytes,
  type RowOf,
  reorder,
  replaceRow,
  sourceBytes,
  trim,
} from './cache.js';
import { regroup } from './regroup.js';

/** Somebody who sits in rows. */
export interface Seated {
  /** Row of the cache of each of its rows. */
  slots: number[];
  /** Next token of each of its rows. */
  tokens: number[];
}

/** One who wants to sit: each of its rows continues a row of some cache. */
export interface Joining<S extends Seated> {
  who: S;
  rows: readonly RowOf[];
}

export interface Batch<S extends Seated> {
  readonly cache: Cache;
  readonly members: ReadonlySet<S>;
  readonly liveRows: number;
  join(joining: readonly Joining<S>[]): void;
  /** `who`'s rows continue `parents`, rows of the last step; copies only where one is continued twice. */
  follow(who: S, parents: readonly number[]): void;
  leave(who: S): void;
  /**
   * Moves rows together where the empty ones have cost as much as that, or the cache is much longer than anybody in it. `expected`
   * rows are about to be taken: they do not count as empty.
   */
  compact(expected: number): void;
  /** Tokens of every row, those of empty rows included. */
  tokens(): number[];
  bytes(): number;
  /** Gives back memory that no row needs now, where it is worth the copying. */
  tighten(): void;
}

/**
 * Steps an empty row is computed for the price of moving one row: 0.5 ms against 3 (T5-small of 8 rows, bench/generate.ts). Moving only once
 * that much was wasted costs at most twice what knowing the future would; moving at once, for who leaves is soon followed, was a
 * third of all pauses of eight streams.
 */
const STEPS_A_MOVE = 6;

/** Rows yet to come that a batch takes memory for at most. */
const ROOM_ROWS_MAX = 8;

/** How much more memory than it needs a batch keeps where somebody wants it. */
const SLACK = 1.2;

export interface BatchOptions {
  /** Of the graph (graph.ts). Empty rows are then kept as copies of rows that are sat in, which add nothing to a scale. */
  oneScale: boolean;
  /** Bytes of cache that nobody has asked for: what may be taken for rows that are yet to come. */
  spareBytes(): number;
}

export function createBatch<S extends Seated>(
  joining: readonly Joining<S>[],
  { oneScale, spareBytes }: BatchOptions,
): Batch<S> {
  const members = new Set<S>();
  let owners: (S | undefined)[] = [];
  /** Steps of empty rows since rows were moved last. */
  let wasted = 0;
  let cache: Cache;
  /** Of an empty row, the row it is a copy of. */
  const copies = new Map<number, number>();

  /** A row is not what it was: whoever copied it does no more. */
  const changed = (slot: number): void => {
    copies.delete(slot);
    for (const [copy, of] of copies) if (of === slot) copies.delete(copy);
  };

  const seat = (who: S, slots: number[]): void => {
    members.add(who);
    who.slots = slots;
    for (const slot of slots) {
      owners[slot] = who;
      changed(slot);
    }
  };

  const empty = (slot: number): void => {
    owners[slot] = undefined;
    changed(slot);
  };

  /** Whoever stands within the rows there will be stays; the others and newcomers take what is free. `tight`: in memory of its own. */
  const rebuild = (joined: readonly Joining<S>[], tight = false): void => {
    const held = [...members].flatMap(({ slots }) => slots);
    const count = joined.reduce((sum, { rows }) => sum + rows.length, held.length);
    if (count === 0) return;
    const kept = new Set(held.filter((slot) => slot < count));
    const free = Array.from({ length: count }, (_, slot) => slot).filter((slot) => !kept.has(slot));
    const rows = new Array<RowOf>(count);
    const place = (row: RowOf, at: number): number => {
      rows[at] = row;
      return at;
    };
    const places: { who: S; slots: number[] }[] = [];
    for (const who of members) {
      const slots = who.slots.map((row) => place({ cache, row }, kept.has(row) ? row : (free.shift() as number)));
      places.push({ who, slots });
    }
    for (const { who, rows: wanted } of joined)
      places.push({ who, slots: wanted.map((row) => place(row, free.shift() as number)) });
    const inPlace = !tight && members.size > 0 && regroup(cache, rows);
    if (!inPlace) cache = (tight ? undefined : wholeCache(rows)) ?? assemble(rows, undefined, rowsToCome(rows));
    owners = [];
    wasted = 0;
    copies.clear();
    for (const { who, slots } of places) seat(who, slots);
  };

  /** Who comes when others sit is soon followed by more: room for as many as there are, so that not each moves all others. */
  const rowsToCome = (rows: readonly RowOf[]): number => {
    if (members.size === 0 || rows.length <= cache.rows) return 0;
    const room = Math.min(rows.length, ROOM_ROWS_MAX);
    return room * sourceBytes(cache) <= spareBytes() / 2 ? room : 0;
  };

  const batch: Batch<S> = {
    get cache() {
      return cache;
    },
    members,
    get liveRows() {
      return owners.reduce((count, owner) => count + (owner ? 1 : 0), 0);
    },
    join(joined) {
      const left = joined.filter(({ who, rows }) => {
        const empty = [...owners.keys()].filter((slot) => !owners[slot]).slice(0, rows.length);
        if (empty.length < rows.length) return true;
        if (!rows.every((row, index) => replaceRow(cache, empty[index] as number, row))) return true;
        seat(who, empty);
        return false;
      });
      if (left.length > 0) rebuild(left);
    },
    follow(who, parents) {
      const { slots } = who;
      const next: (number | undefined)[] = [];
      const taken = new Set<number>();
      for (const parent of parents) {
        const slot = slots[parent] as number;
        next.push(taken.has(slot) ? undefined : slot);
        taken.add(slot);
      }
      const spare = slots.filter((slot) => !taken.has(slot));
      const moves: { from: number; to: number }[] = [];
      who.slots = next.map((slot, index) => {
        if (slot !== undefined) return slot;
        const to = spare.pop() as number;
        moves.push({ from: slots[parents[index] as number] as number, to });
        return to;
      });
      reorder(cache, moves);
      for (const { to } of moves) changed(to);
      for (const slot of spare) empty(slot);
    },
    leave(who) {
      members.delete(who);
      for (const slot of who.slots) empty(slot);
      who.slots = [];
    },
    compact(expected) {
      const live = batch.liveRows;
      if (live === 0) return;
      const longest = Math.max(
        ...[...members].flatMap(({ slots }) => slots.map((slot) => cache.lengths[slot] as number)),
      );
      const movable = cache.specs.every(({ part, inPlaces }) => part === 'source' || inPlaces);
      if (movable && longest < cache.length) trim(cache, Math.max(1, longest));
      wasted += Math.max(0, owners.length - live - expected);
      const long = cache.length - longest >= 32 && longest <= cache.length / 2;
      if (wasted >= STEPS_A_MOVE * live || long) rebuild([]);
    },
    tokens() {
      for (const [slot, owner] of owners.entries()) {
        if (owner || copies.has(slot)) continue;
        if (oneScale) {
          const of = owners.findIndex(Boolean);
          replaceRow(cache, slot, { cache, row: of });
          copies.set(slot, of);
          continue;
        }
        // An empty row is computed as if it had just begun: its positions must not run out of the table of the model.
        cache.lengths[slot] = 0;
        if (cache.prefixes) cache.prefixes[slot] = [];
      }
      const tokens = new Array<number>(cache.rows).fill(0);
      for (const { slots, tokens: next } of members) {
        for (const [index, slot] of slots.entries()) tokens[slot] = next[index] as number;
      }
      for (const [copy, of] of copies) tokens[copy] = tokens[of] as number;
      return tokens;
    },
    bytes: () => cacheBytes(cache),
    tighten() {
      const rows = [...members].flatMap(({ slots }) => slots.map((row) => ({ cache, row })));
      if (rows.length > 0 && cacheBytes(cache) > SLACK * assembledBytes(rows)) rebuild([], true);
    },
  };
  cache = (joining[0] as Joining<S>).rows[0]?.cache as Cache;
  rebuild(joining);
  return batch;
}

/** The rows' own cache, where they are all of it in its order: then nothing need be copied. */
function wholeCache(rows: readonly RowOf[]): Cache | undefined {
  const { cache } = rows[0] as RowOf;
  const same = cache.rows === rows.length && rows.every((each, index) => each.cache === cache && each.row === index);
  return same ? cache : undefined;
}
