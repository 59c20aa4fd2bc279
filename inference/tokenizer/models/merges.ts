// Whether two tokens side by side merge, and into what. The answers for the pairs of late are remembered by their ids, in a
// table of fixed size in which a newer pair takes the place of an older.

/** Pairs remembered, a power of two. */
const REMEMBERED = 1 << 16;

export abstract class Merges {
  /** By slot: left id plus one (0: free), right id, rank or -1. */
  private readonly remembered = new Int32Array(3 * REMEMBERED);

  /** The rank of the merge of two tokens, or -1; lower ranks go first. */
  rank(left: number, right: number): number {
    const { remembered } = this;
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    const at = 3 * ((Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 8) & (REMEMBERED - 1));
    if (remembered[at] === left + 1 && remembered[at + 1] === right) return remembered[at + 2] as number;
    const rank = this.search(left, right);
    remembered[at] = left + 1;
    remembered[at + 1] = right;
    remembered[at + 2] = rank;
    return rank;
  }

  /** The token that the merge of this rank makes. */
  abstract madeBy(rank: number): number;

  protected abstract search(left: number, right: number): number;
}
