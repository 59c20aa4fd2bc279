// Which pairs of tokens merge, in what order of preference, and into what. A pair that merges is a token cut in two, so
// a merge is kept with the token it makes: where the cut is, and its rank. Whether two tokens merge is found by looking
// their joined text up in the vocabulary. So loading looks nothing up but the token that a merge makes, which usually is the
// one after the last.
import { TokenizerError } from '../error.js';
import { hashUnits } from '../hash.js';
import { MergeList } from '../token-table.js';
import type { Vocabulary } from '../vocabulary.js';
import { Merges } from './merges.js';

export class MergeTable extends Merges {
  private readonly vocabulary: Vocabulary;
  /** Units at the start of a right token that only mark it as continuing. */
  private readonly prefixLength: number;
  /** By rank: the token made, the units of its left half, and one more than the rank that made the token before (0: none). */
  private readonly made: Int32Array;
  private readonly cuts: Int32Array;
  private readonly earlier: Int32Array;
  /** By rank: the right token, where its prefix hides it in the token made. */
  private readonly rights: Int32Array | undefined;
  /** One more than the last rank that makes a token, by its id. */
  private readonly latest: Int32Array;
  /** Throws TokenizerError when a merge makes no token of the vocabulary. */
  constructor(merges: MergeList, vocabulary: Vocabulary, prefixLength: number) {
    super();
    const { count, middles, starts, units } = merges;
    this.vocabulary = vocabulary;
    this.prefixLength = prefixLength;
    this.made = new Int32Array(count);
    this.cuts = new Int32Array(count);
    this.earlier = new Int32Array(count);
    this.rights = prefixLength > 0 ? new Int32Array(count) : undefined;
    this.latest = new Int32Array(vocabulary.idLimit);
    let last = -1;
    for (let rank = 0; rank < count; rank++) {
      const start = starts[rank] as number;
      const middle = middles[rank] as number;
      let end = starts[rank + 1] as number;
      if (this.rights !== undefined) {
        this.rights[rank] = vocabulary.findUnits(units, middle, end, hashUnits(units, middle, end));
        units.copyWithin(middle, middle + prefixLength, end);
        end -= prefixLength;
      }
      // Merges stand in the order of what they make, several for one token side by side.
      if (!vocabulary.isUnits(last, units, start, end)) {
        last = vocabulary.isUnits(last + 1, units, start, end)
          ? last + 1
          : vocabulary.findUnits(units, start, end, hashUnits(units, start, end));
      }
      if (last < 0) {
        const text = String.fromCharCode(...units.subarray(start, end));
        throw new TokenizerError(`a merge makes ${JSON.stringify(text)}, which is not in the vocabulary`);
      }
      this.made[rank] = last;
      this.cuts[rank] = middle - start;
      this.earlier[rank] = this.latest[last] as number;
      this.latest[last] = rank + 1;
    }
  }

  override madeBy(rank: number): number {
    return this.made[rank] as number;
  }

  protected override search(left: number, right: number): number {
    const { cuts, earlier, latest, prefixLength, rights, vocabulary } = this;
    const made = vocabulary.findJoined(left, right, prefixLength);
    if (made < 0) return -1;
    const cut = vocabulary.lengthOf(left);
    // A pair named twice has the later rank.
    for (let next = latest[made] as number; next !== 0; next = earlier[next - 1] as number) {
      const rank = next - 1;
      if (cuts[rank] === cut && (rights === undefined || rights[rank] === right)) return rank;
    }
    return -1;
  }
}

/** Merges as JSON holds them: "left right" or ["left", "right"]. */
export function mergeListOf(merges: readonly unknown[] | MergeList): MergeList {
  if (merges instanceof MergeList) return merges;
  const list = new MergeList();
  for (const merge of merges) {
    if (typeof merge === 'string') list.addLine(merge);
    else list.addPair(...(merge as [string, string]));
  }
  return list;
}
