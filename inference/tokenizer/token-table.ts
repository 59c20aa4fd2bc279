// Texts end to end in one array of code units: what a vocabulary and its merges are made from, whether they come as
// strings or straight from the bytes of a file.
import { TokenizerError } from './error.js';
import { HASH_SEED, hashText } from './hash.js';

/** Texts one after another. The one being written lies from `starts[count]` to `end`. */
export class UnitList {
  count = 0;
  units: Uint16Array<ArrayBuffer>;
  /** Where text n starts; its end is where text n + 1 starts. */
  starts: Int32Array<ArrayBuffer>;
  end = 0;

  constructor(texts = 1 << 10) {
    this.units = new Uint16Array(8 * texts);
    this.starts = new Int32Array(texts);
  }

  /** Makes room for `length` more code units. */
  reserve(length: number): void {
    if (this.end + length <= this.units.length) return;
    const larger = new Uint16Array(Math.max(this.end + length, 2 * this.units.length));
    larger.set(this.units);
    this.units = larger;
  }

  /** Appends to the text being written. */
  append(text: string): void {
    this.reserve(text.length);
    const { end, units } = this;
    for (let i = 0; i < text.length; i++) units[end + i] = text.charCodeAt(i);
    this.end = end + text.length;
  }

  /** Ends the text being written and gives its number. */
  protected close(): number {
    const n = this.count++;
    if (this.count === this.starts.length) this.starts = doubled(this.starts);
    this.starts[this.count] = this.end;
    return n;
  }
}

/** Tokens with their hashes and ids. */
export class TokenTable extends UnitList {
  hashes: Int32Array<ArrayBuffer>;
  ids: Int32Array<ArrayBuffer>;

  /** Room for so many tokens at first, which is only touched as it fills. */
  constructor(tokens = 1 << 10) {
    super(tokens);
    this.hashes = new Int32Array(tokens);
    this.ids = new Int32Array(tokens);
  }

  /** Ends the token being written, whose hash this is. */
  finish(id: number, hash: number): void {
    const n = this.close();
    if (n === this.ids.length) {
      this.hashes = doubled(this.hashes);
      this.ids = doubled(this.ids);
    }
    this.hashes[n] = hash;
    this.ids[n] = id;
  }

  add(text: string, id: number): void {
    this.append(text);
    this.finish(id, hashText(text, 0, text.length, HASH_SEED));
  }
}

/** Pieces of a Unigram model: texts with ids in order, and scores. */
export class PieceTable {
  readonly tokens: TokenTable;
  scores: Float64Array<ArrayBuffer>;
  /** The least of them. */
  worst = Number.POSITIVE_INFINITY;

  constructor(pieces = 1 << 10) {
    this.tokens = new TokenTable(pieces);
    this.scores = new Float64Array(pieces);
  }

  addScore(score: number): void {
    const at = this.tokens.count - 1;
    if (at === this.scores.length) {
      const larger = new Float64Array(2 * at);
      larger.set(this.scores);
      this.scores = larger;
    }
    this.scores[at] = score;
    if (score < this.worst) this.worst = score;
  }
}

/** Merges in order of rank: both halves as one text, and where the second begins in it. */
export class MergeList extends UnitList {
  middles = new Int32Array(1 << 10);

  /** Ends the merge being written; its second half begins at unit `middle` of all. */
  finish(middle: number): void {
    const n = this.close();
    if (n === this.middles.length) this.middles = doubled(this.middles);
    this.middles[n] = middle;
  }

  /** Ends a merge written as one line, "left right"; lines that say the version are left out. */
  finishLine(): void {
    const { end, units } = this;
    const start = this.starts[this.count] as number;
    let space = start;
    while (space < end && units[space] !== 0x20) space++;
    if (isVersion(units, start, end)) {
      this.end = start;
      return;
    }
    if (space === end || units.subarray(space + 1, end).includes(0x20)) {
      throw new TokenizerError(
        `the merge ${JSON.stringify(String.fromCharCode(...units.subarray(start, end)))} is not two tokens`,
      );
    }
    units.copyWithin(space, space + 1, end);
    this.end--;
    this.finish(space);
  }

  addLine(line: string): void {
    this.append(line);
    this.finishLine();
  }

  addPair(left: string, right: string): void {
    this.append(left);
    const middle = this.end;
    this.append(right);
    this.finish(middle);
  }
}

const VERSION = '#version';

function isVersion(units: Uint16Array, start: number, end: number): boolean {
  if (end - start < VERSION.length) return false;
  for (let i = 0; i < VERSION.length; i++) if (units[start + i] !== VERSION.charCodeAt(i)) return false;
  return true;
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
