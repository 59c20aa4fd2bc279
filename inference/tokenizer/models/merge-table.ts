// Which pairs of tokens merge, in what order of preference, and into what: an open-addressing table on the two ids.

export class MergeTable {
  /** Per slot: left id plus one (0: free), right id, rank, merged id. */
  private slots: Int32Array;
  private mask: number;
  private count = 0;

  constructor(count: number) {
    let capacity = 16;
    while (capacity < 2 * count) capacity *= 2;
    this.slots = new Int32Array(4 * capacity);
    this.mask = capacity - 1;
  }

  /** A pair set twice keeps the later rank. */
  set(left: number, right: number, rank: number, merged: number): void {
    if (2 * (this.count + 1) > this.mask) this.grow();
    const { slots, mask } = this;
    let slot = hashPair(left, right) & mask;
    for (;;) {
      const at = 4 * slot;
      const key = slots[at];
      if (key === 0 || (key === left + 1 && slots[at + 1] === right)) {
        if (key === 0) this.count++;
        slots[at] = left + 1;
        slots[at + 1] = right;
        slots[at + 2] = rank;
        slots[at + 3] = merged;
        return;
      }
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(4 * old.length);
    this.mask = this.slots.length / 4 - 1;
    this.count = 0;
    for (let at = 0; at < old.length; at += 4) {
      if (old[at] === 0) continue;
      this.set((old[at] as number) - 1, old[at + 1] as number, old[at + 2] as number, old[at + 3] as number);
    }
  }

  /** A handle for `rankAt` and `mergedAt`, or -1 when the pair does not merge. */
  find(left: number, right: number): number {
    const { slots, mask } = this;
    let slot = hashPair(left, right) & mask;
    for (;;) {
      const at = 4 * slot;
      const key = slots[at];
      if (key === left + 1 && slots[at + 1] === right) return at;
      if (key === 0) return -1;
      slot = (slot + 1) & mask;
    }
  }

  rankAt(handle: number): number {
    return this.slots[handle + 2] as number;
  }

  mergedAt(handle: number): number {
    return this.slots[handle + 3] as number;
  }
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 8;
}
