// Tokens and ids. Tokens lie in one array of code units and are found through an open-addressing table by a hash that
// grows one unit at a time, so models can try every prefix of a word in one walk and never cut a substring.

/** Where hashing starts. */
export const HASH_SEED = 0x811c9dc5 | 0;

/** The hash of a text one unit longer. */
export function hashStep(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193) ^ (hash >>> 15);
}

/** The hash of a whole string, from `seed`. */
export function hashText(text: string, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = hashStep(hash, text.charCodeAt(i));
  return hash;
}

export class Vocabulary {
  /** Token texts by id; holes where an id is not used. */
  readonly tokens: (string | undefined)[] = [];
  /** Number of different tokens. */
  readonly size: number;
  /** The longest token in code units. */
  readonly longest: number;

  private readonly units: Uint16Array;
  /** Per entry: offset into `units`, length, id. */
  private readonly entries: Int32Array;
  /** Entry number plus one, by hash; 0 is free. Beside it the full hash. */
  private readonly table: Int32Array;
  private readonly mask: number;

  /** Later tokens of the same text take the id over, as in the files' own readers. */
  constructor(texts: readonly string[], ids?: ArrayLike<number>) {
    const count = texts.length;
    let total = 0;
    let longest = 0;
    for (const text of texts) {
      total += text.length;
      if (text.length > longest) longest = text.length;
    }
    this.longest = longest;
    this.units = new Uint16Array(total);
    this.entries = new Int32Array(3 * count);
    let capacity = 16;
    while (capacity < 2 * count) capacity *= 2;
    this.table = new Int32Array(2 * capacity);
    this.mask = capacity - 1;
    let offset = 0;
    let size = 0;
    const { units, entries, table, mask } = this;
    for (let n = 0; n < count; n++) {
      const text = texts[n] as string;
      const id = ids === undefined ? n : (ids[n] as number);
      this.tokens[id] = text;
      let hash = HASH_SEED;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        units[offset + i] = unit;
        hash = hashStep(hash, unit);
      }
      let slot = spread(hash) & mask;
      for (;;) {
        const entry = table[2 * slot] as number;
        if (entry === 0) {
          table[2 * slot] = n + 1;
          table[2 * slot + 1] = hash;
          entries[3 * n] = offset;
          entries[3 * n + 1] = text.length;
          entries[3 * n + 2] = id;
          offset += text.length;
          size++;
          break;
        }
        if (table[2 * slot + 1] === hash && this.same(entry - 1, text, 0, text.length, 0)) {
          entries[3 * (entry - 1) + 2] = id;
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    this.size = size;
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
    const { table, mask } = this;
    let slot = spread(hash) & mask;
    for (;;) {
      const entry = table[2 * slot] as number;
      if (entry === 0) return -1;
      if (table[2 * slot + 1] === hash && this.same(entry - 1, text, start, end, skip)) {
        return this.entries[3 * (entry - 1) + 2] as number;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** As `find`, in an array of code units, with nothing skipped. */
  findUnits(source: Uint16Array, start: number, end: number, hash: number): number {
    const { table, mask, entries, units } = this;
    const length = end - start;
    let slot = spread(hash) & mask;
    for (;;) {
      const entry = table[2 * slot] as number;
      if (entry === 0) return -1;
      if (table[2 * slot + 1] === hash && entries[3 * (entry - 1) + 1] === length) {
        const offset = (entries[3 * (entry - 1)] as number) - start;
        let i = start;
        while (i < end && units[offset + i] === source[i]) i++;
        if (i === end) return entries[3 * (entry - 1) + 2] as number;
      }
      slot = (slot + 1) & mask;
    }
  }

  private same(entry: number, text: string, start: number, end: number, skip: number): boolean {
    const { entries, units } = this;
    const length = end - start;
    if (entries[3 * entry + 1] !== length + skip) return false;
    const offset = (entries[3 * entry] as number) + skip - start;
    for (let i = start; i < end; i++) if (units[offset + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}

function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) >>> 8;
}

/** Reads a `{ token: id }` object. */
export function vocabularyOf(object: Readonly<Record<string, number>>): Vocabulary {
  return new Vocabulary(Object.keys(object), Int32Array.from(Object.values(object)));
}
