// A binary heap of candidate merges, best rank first and leftmost among equals. Rank and position share one double:
// rank below 2^26 and position below 2^27, so their combination is exact.

const POSITIONS = 2 ** 27;

export class RankHeap {
  /** Of the candidate that `pop` took. */
  rank = 0;
  position = 0;
  private keys = new Float64Array(256);
  private size = 0;

  clear(): void {
    this.size = 0;
  }

  /** Gives back the memory that a very long word needed. */
  release(): void {
    this.size = 0;
    this.keys = new Float64Array(256);
  }

  push(rank: number, position: number): void {
    if (this.size === this.keys.length) {
      const larger = new Float64Array(2 * this.size);
      larger.set(this.keys);
      this.keys = larger;
    }
    const { keys } = this;
    const key = rank * POSITIONS + position;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = keys[parent] as number;
      if (above <= key) break;
      keys[at] = above;
      at = parent;
    }
    keys[at] = key;
  }

  /** Takes the best candidate; false when there is none. */
  pop(): boolean {
    if (this.size === 0) return false;
    const { keys } = this;
    const top = keys[0] as number;
    this.rank = Math.floor(top / POSITIONS);
    this.position = top - this.rank * POSITIONS;
    const size = --this.size;
    const key = keys[size] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (keys[child + 1] as number) < (keys[child] as number)) child++;
      if ((keys[child] as number) >= key) break;
      keys[at] = keys[child] as number;
      at = child;
    }
    keys[at] = key;
    return true;
  }
}
