// Tokens and ids. Tokens lie in one array of code units and are found through an open-addressing table by a hash that
// grows one unit at a time, so models can try every prefix of a word in one walk and never cut a substring.
import { HASH_SEED, hashStep, hashText, spread } from './hash.js';
import { TokenTable } from './token-table.js';

/** Bits by hash; see `createPrefixFilter`. */
export interface PrefixFilter {
  readonly words: Int32Array;
  readonly mask: number;
}

/** Whether a token may go on after the prefix with this hash. */
export function mayContinue({ mask, words }: PrefixFilter, hash: number): boolean {
  const bit = (Math.imul(hash, 0x2545f491) >>> 5) & mask;
  return ((words[bit >> 5] as number) >>> (bit & 31)) % 2 === 1;
}

export class Vocabulary {
  /** Number of different tokens. */
  readonly size: number;
  /** Ids lie below this. */
  readonly idLimit: number;
  /** The longest token in code units. */
  readonly longest: number;

  private readonly units: Uint16Array;
  private readonly starts: Int32Array;
  private readonly hashes: Int32Array;
  /**
   * Per slot: length plus one (0 is free), hash, place in `units`, id. All that a look-up compares lies side by side:
   * with a large vocabulary each array more would be one more cache miss.
   */
  private readonly slots: Int32Array;
  private readonly mask: number;
  /** Entry number plus one, by id. */
  private readonly entryOf: Int32Array;
  /** Some text has several ids, of which the last holds. */
  private readonly hasDoubles: boolean;
  private readonly texts: (string | undefined)[] = [];

  constructor(tokens: TokenTable) {
    const { count, hashes, ids, starts, units } = tokens;
    // What is behind the last was never touched, and so takes no memory.
    this.units = units.subarray(0, starts[count]);
    this.starts = starts.subarray(0, count + 1);
    this.hashes = hashes.subarray(0, count);
    let capacity = 16;
    while (capacity < 2 * count) capacity *= 2;
    const slots = new Int32Array(4 * capacity);
    const mask = capacity - 1;
    this.slots = slots;
    this.mask = mask;
    let size = 0;
    let longest = 0;
    let idLimit = 0;
    for (let n = 0; n < count; n++) {
      const start = starts[n] as number;
      const length = (starts[n + 1] as number) - start;
      const hash = hashes[n] as number;
      const id = ids[n] as number;
      if (length > longest) longest = length;
      if (id >= idLimit) idLimit = id + 1;
      let at = 4 * (spread(hash) & mask);
      while (slots[at] !== 0 && !(slots[at + 1] === hash && this.sameUnits(at, units, start, start + length))) {
        at = (at + 4) & (4 * mask);
      }
      if (slots[at] === 0) {
        slots[at] = length + 1;
        slots[at + 1] = hash;
        slots[at + 2] = start;
        size++;
      }
      slots[at + 3] = id;
    }
    this.size = size;
    this.hasDoubles = size < count;
    this.longest = longest;
    this.idLimit = idLimit;
    this.entryOf = new Int32Array(idLimit);
    for (let n = 0; n < count; n++) this.entryOf[ids[n] as number] = n + 1;
  }

  /** The text of an id, or undefined. */
  textOf(id: number): string | undefined {
    const known = this.texts[id];
    if (known !== undefined) return known;
    const entry = this.entryOf[id];
    if (entry === undefined || entry === 0) return undefined;
    const text = String.fromCharCode(...this.units.subarray(this.starts[entry - 1], this.starts[entry]));
    this.texts[id] = text;
    return text;
  }

  /** The id of a token, or -1. */
  idOf(text: string): number {
    return this.find(text, 0, text.length, hashText(text, 0, text.length, HASH_SEED), 0);
  }

  /**
   * The id of the token that is a prefix already hashed (of `skip` units, which are not compared) and then the units
   * [start, end) of `text`; -1 when there is none.
   */
  find(text: string, start: number, end: number, hash: number, skip: number): number {
    const { mask, slots, units } = this;
    const length = end - start + skip + 1;
    for (let at = 4 * (spread(hash) & mask); ; at = (at + 4) & (4 * mask)) {
      const found = slots[at] as number;
      if (found === 0) return -1;
      if (slots[at + 1] !== hash || found !== length) continue;
      const offset = (slots[at + 2] as number) + skip - start;
      let i = start;
      while (i < end && units[offset + i] === text.charCodeAt(i)) i++;
      if (i === end) return slots[at + 3] as number;
    }
  }

  /** As `find`, in an array of code units, with nothing skipped. */
  findUnits(source: Uint16Array, start: number, end: number, hash: number): number {
    const { mask, slots } = this;
    for (let at = 4 * (spread(hash) & mask); ; at = (at + 4) & (4 * mask)) {
      if (slots[at] === 0) return -1;
      if (slots[at + 1] === hash && this.sameUnits(at, source, start, end)) return slots[at + 3] as number;
    }
  }

  /** The id of the token that is the text of `left` and then that of `right` without its first `skip` units, or -1. */
  findJoined(left: number, right: number, skip: number): number {
    const { entryOf, hashes, mask, slots, starts, units } = this;
    const first = (entryOf[left] as number) - 1;
    const second = (entryOf[right] as number) - 1;
    const start = starts[first] as number;
    const middle = starts[first + 1] as number;
    const from = (starts[second] as number) + skip;
    const end = starts[second + 1] as number;
    let hash = hashes[first] as number;
    for (let i = from; i < end; i++) hash = hashStep(hash, units[i] as number);
    const length = middle - start + end - from + 1;
    for (let at = 4 * (spread(hash) & mask); ; at = (at + 4) & (4 * mask)) {
      const found = slots[at] as number;
      if (found === 0) return -1;
      if (slots[at + 1] !== hash || found !== length) continue;
      const offset = slots[at + 2] as number;
      if (this.unitsEqual(offset, units, start, middle) && this.unitsEqual(offset + middle - start, units, from, end)) {
        return slots[at + 3] as number;
      }
    }
  }

  /** Code units of the token `id`. */
  lengthOf(id: number): number {
    const entry = this.entryOf[id] as number;
    return (this.starts[entry] as number) - (this.starts[entry - 1] as number);
  }

  /**
   * A filter that says by a prefix's hash whether a longer token may begin with it: never wrongly no. With it, trying
   * every prefix of a word stops about where a trie would.
   */
  createPrefixFilter(): PrefixFilter {
    const { starts, units } = this;
    let bits = 1 << 12;
    while (bits < 12 * units.length && bits < 1 << 26) bits *= 2;
    const words = new Int32Array(bits >> 5);
    const mask = bits - 1;
    for (let n = 0; n + 1 < starts.length; n++) {
      let hash = HASH_SEED;
      for (let i = starts[n] as number; i < (starts[n + 1] as number) - 1; i++) {
        hash = hashStep(hash, units[i] as number);
        const bit = Math.imul(hash, 0x2545f491) >>> 5;
        words[(bit & mask) >> 5] = (words[(bit & mask) >> 5] as number) | (1 << (bit & 31));
      }
    }
    return { words, mask };
  }

  /** Whether the token `id` is surely these units, found without the table. */
  isUnits(id: number, source: Uint16Array, start: number, end: number): boolean {
    const entry = this.hasDoubles ? 0 : (this.entryOf[id] ?? 0);
    if (entry === 0) return false;
    const from = this.starts[entry - 1] as number;
    return (this.starts[entry] as number) - from === end - start && this.unitsEqual(from, source, start, end);
  }

  private sameUnits(slot: number, source: Uint16Array, start: number, end: number): boolean {
    const { slots } = this;
    return slots[slot] === end - start + 1 && this.unitsEqual(slots[slot + 2] as number, source, start, end);
  }

  private unitsEqual(from: number, source: Uint16Array, start: number, end: number): boolean {
    const { units } = this;
    const offset = from - start;
    for (let i = start; i < end; i++) if (units[offset + i] !== source[i]) return false;
    return true;
  }
}

/** Reads a `{ token: id }` object, or what was read from a file's bytes. */
export function vocabularyOf(source: Readonly<Record<string, number>> | TokenTable): Vocabulary {
  if (source instanceof TokenTable) return new Vocabulary(source);
  const table = new TokenTable();
  for (const [text, id] of Object.entries(source)) table.add(text, id);
  return new Vocabulary(table);
}
