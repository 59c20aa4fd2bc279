/**
 * HPACK, the writing side, made for many calls that look alike: headers that stay the same go into the dynamic table once and
 * are one byte after that; of those that change, the name does. Nothing is ever evicted: once the table is full, the rest is
 * sent as it is. Texts are not Huffman coded. One per connection.
 */
import { HEADER_TABLE_BYTES } from './codes.js';
import { STATIC } from './static-table.js';

const OVERHEAD_BYTES = 32;
/** Literal with an index added / not added: the first bits and how many hold the index. */
const INDEXED = 0x40;
const PLAIN = 0x00;

/** Static indices of whole headers and of names, the first where a name has several. */
const PAIRS = new Map<string, number>();
const NAMES = new Map<string, number>();
for (let index = STATIC.length - 1; index > 0; index--) {
  const [name, value] = STATIC[index] as readonly [string, string];
  PAIRS.set(`${name}\n${value}`, index);
  NAMES.set(name, index);
}

export class HpackEncoder {
  /** The block being written: bytes 0 to `length`. */
  bytes = Buffer.allocUnsafeSlow(1_024);
  length = 0;
  /** What the list counts for SETTINGS_MAX_HEADER_LIST_SIZE. */
  listBytes = 0;
  /** Entries in the dynamic table; a copied block stays right as long as this does. */
  inserted = 0;
  readonly #pairs = new Map<string, number>();
  readonly #names = new Map<string, number>();
  #tableBytes = 0;
  #tableBytesMax = HEADER_TABLE_BYTES;
  #resized = false;

  /** Begins a block. */
  begin(): void {
    this.length = 0;
    this.listBytes = 0;
    if (!this.#resized) return;
    this.#resized = false;
    this.#integer(0, 0x1f, 0x20); // empties the peer's table
    this.#integer(this.#tableBytesMax, 0x1f, 0x20);
  }

  /** What the peer's SETTINGS_HEADER_TABLE_SIZE says. The table begins anew where it is smaller than what is in use. */
  resize(bytesMax: number): void {
    const wanted = Math.min(bytesMax, HEADER_TABLE_BYTES);
    if (wanted === this.#tableBytesMax) return;
    this.#tableBytesMax = wanted;
    this.#pairs.clear();
    this.#names.clear();
    this.#tableBytes = 0;
    this.inserted++; // copied blocks are wrong now
    this.#resized = true;
  }

  /** A header that comes again with the same value. */
  constant(name: string, value: string): void {
    const key = `${name}\n${value}`;
    this.listBytes += name.length + value.length + OVERHEAD_BYTES;
    const fixed = PAIRS.get(key);
    if (fixed !== undefined) {
      this.#integer(fixed, 0x7f, 0x80);
      return;
    }
    const known = this.#pairs.get(key);
    if (known !== undefined) {
      this.#integer(this.#index(known), 0x7f, 0x80);
      return;
    }
    if (this.#fits(name, value)) {
      this.#literal(name, value, INDEXED, 0x3f);
      this.#pairs.set(key, this.#insert(name, value));
    } else this.#literal(name, value, PLAIN, 0x0f);
  }

  /** A header whose value changes from call to call. */
  varying(name: string, value: string): void {
    this.listBytes += name.length + value.length + OVERHEAD_BYTES;
    if (!NAMES.has(name) && !this.#names.has(name) && this.#fits(name, value)) {
      this.#literal(name, value, INDEXED, 0x3f); // for its name
      this.#insert(name, value);
    } else this.#literal(name, value, PLAIN, 0x0f);
  }

  /** A block that was written before, as it is. */
  copy(block: Buffer, listBytes: number): void {
    this.#reserve(block.length);
    block.copy(this.bytes, this.length);
    this.length += block.length;
    this.listBytes += listBytes;
  }

  #fits(name: string, value: string): boolean {
    return this.#tableBytes + name.length + value.length + OVERHEAD_BYTES <= this.#tableBytesMax;
  }

  #insert(name: string, value: string): number {
    this.#tableBytes += name.length + value.length + OVERHEAD_BYTES;
    const number = this.inserted++;
    this.#names.set(name, number);
    return number;
  }

  /** Where an entry stands now, the newest first. */
  #index(number: number): number {
    return STATIC.length + this.inserted - 1 - number;
  }

  #literal(name: string, value: string, pattern: number, mask: number): void {
    const fixed = NAMES.get(name);
    const known = this.#names.get(name);
    if (fixed !== undefined) this.#integer(fixed, mask, pattern);
    else if (known !== undefined) this.#integer(this.#index(known), mask, pattern);
    else {
      this.#integer(0, mask, pattern);
      this.#string(name);
    }
    this.#string(value);
  }

  #string(text: string): void {
    this.#integer(text.length, 0x7f, 0);
    this.#reserve(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  #integer(value: number, mask: number, pattern: number): void {
    this.#reserve(6);
    if (value < mask) {
      this.bytes[this.length++] = pattern | value;
      return;
    }
    this.bytes[this.length++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) this.bytes[this.length++] = (rest & 0x7f) | 0x80;
    this.bytes[this.length++] = rest;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger; // as large as the largest block so far
  }
}
