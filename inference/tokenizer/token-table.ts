// Token texts in one array of code units, each with its hash and id: what a vocabulary is made from, whether tokens come
// as strings or straight from the bytes of a file.
import { HASH_SEED, hashStep } from './hash.js';

export class TokenTable {
  count = 0;
  units = new Uint16Array(1 << 12);
  /** Where token n starts; its end is where token n + 1 starts. */
  starts = new Int32Array(1 << 10);
  hashes = new Int32Array(1 << 10);
  ids = new Int32Array(1 << 10);
  /** Where the next token will start. */
  private end = 0;

  /** Makes room for a token of `length` code units at most, and gives the place of its first. */
  begin(length: number): number {
    if (this.end + length > this.units.length) {
      const larger = new Uint16Array(Math.max(this.end + length, 2 * this.units.length));
      larger.set(this.units);
      this.units = larger;
    }
    if (this.count + 1 >= this.starts.length) {
      this.starts = doubled(this.starts);
      this.hashes = doubled(this.hashes);
      this.ids = doubled(this.ids);
    }
    return this.end;
  }

  /** Ends the token begun: its units reach to `end`. */
  finish(end: number, hash: number, id: number): void {
    this.hashes[this.count] = hash;
    this.ids[this.count] = id;
    this.count++;
    this.starts[this.count] = end;
    this.end = end;
  }

  add(text: string, id: number): void {
    const { length } = text;
    let at = this.begin(length);
    const { units } = this;
    let hash = HASH_SEED;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      units[at++] = unit;
      hash = hashStep(hash, unit);
    }
    this.finish(at, hash, id);
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
