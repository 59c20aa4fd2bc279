// The merges of a SentencePiece BPE, which lists none: any two tokens merge that make a third, better tokens first.
import type { Vocabulary } from '../vocabulary.js';
import { Merges } from './merges.js';

/** The tokens that merges may make, the best first. */
export class PieceOrder {
  readonly ids: Int32Array;

  constructor(ids: Int32Array) {
    this.ids = ids;
  }
}

export class PieceMerges extends Merges {
  private readonly vocabulary: Vocabulary;
  private readonly order: PieceOrder;
  /** By id, the rank of what makes the token, or -1. */
  private readonly ranks: Int32Array;

  constructor(order: PieceOrder, vocabulary: Vocabulary) {
    super();
    this.vocabulary = vocabulary;
    this.order = order;
    this.ranks = new Int32Array(vocabulary.idLimit).fill(-1);
    order.ids.forEach((id, rank) => {
      this.ranks[id] = rank;
    });
  }

  override madeBy(rank: number): number {
    return this.order.ids[rank] as number;
  }

  protected override search(left: number, right: number): number {
    const made = this.vocabulary.findJoined(left, right, 0);
    return made < 0 ? -1 : (this.ranks[made] as number);
  }
}
