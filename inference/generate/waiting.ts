/**
 * Who waits for a place. Callers take turns, one entry each, so that a caller with sixty texts does not keep out one with one;
 * within a caller the order stays.
 */

export interface Waiting<T> {
  readonly size: number;
  push(caller: number, entry: T): void;
  /** The entry whose turn it is; its caller's turn is over once `take` has taken it. */
  peek(): T | undefined;
  take(): T | undefined;
  /** Skips the caller whose turn it is, for this round. */
  pass(): void;
  remove(which: (entry: T) => boolean): T[];
  callers(): number;
}

export function createWaiting<T>(): Waiting<T> {
  // A Map keeps insertion order: the first caller is next; one that had its turn is put at the end.
  const queues = new Map<number, T[]>();
  let size = 0;
  const next = (): [number, T[]] | undefined => queues.entries().next().value;
  const rotate = (caller: number, queue: T[]): void => {
    queues.delete(caller);
    if (queue.length > 0) queues.set(caller, queue);
  };
  return {
    get size() {
      return size;
    },
    push(caller, entry) {
      const queue = queues.get(caller);
      if (queue) queue.push(entry);
      else queues.set(caller, [entry]);
      size++;
    },
    peek: () => next()?.[1][0],
    take() {
      const found = next();
      if (!found) return undefined;
      const [caller, queue] = found;
      const entry = queue.shift();
      size--;
      rotate(caller, queue);
      return entry;
    },
    pass() {
      const found = next();
      if (found) rotate(...found);
    },
    remove(which) {
      const removed: T[] = [];
      for (const [caller, queue] of [...queues]) {
        const kept = queue.filter((entry) => {
          if (!which(entry)) return true;
          removed.push(entry);
          return false;
        });
        if (kept.length === queue.length) continue;
        size -= queue.length - kept.length;
        if (kept.length > 0) queues.set(caller, kept);
        else queues.delete(caller);
      }
      return removed;
    },
    callers: () => queues.size,
  };
}
