/**
 * HPACK, the reading side (RFC 7541): one per connection, since every block changes the dynamic table. The table is a ring of
 * entries; bounded by the size we announce. A list that is longer than the limit is read to its end, because the table must
 * stay in step with the peer's, but not kept.
 */
import { Code, ConnectionError, HEADER_TABLE_BYTES } from './codes.js';
import { decodeHuffman } from './huffman.js';
import { STATIC } from './static-table.js';

/** Names and values in turn: [":status", "200", "content-type", "application/grpc"]. */
export type HeaderList = readonly string[];

/** Bytes that the table counts for an entry beyond its text. */
const OVERHEAD_BYTES = 32;
/** Entries the largest table can hold. */
const RING = HEADER_TABLE_BYTES / OVERHEAD_BYTES;

export class HpackDecoder {
  readonly #listBytesMax: number;
  readonly #tableBytesMax: number;
  readonly #names: string[] = new Array(RING).fill('');
  readonly #values: string[] = new Array(RING).fill('');
  /** Entries ever inserted; the newest stands at (inserted - 1) % RING. */
  #inserted = 0;
  #count = 0;
  #bytes = 0;
  #bytesMax: number;
  // Where the block is being read.
  #block: Buffer = EMPTY;
  #at = 0;
  #end = 0;

  /** `listBytesMax`: names, values and 32 bytes a header, as SETTINGS_MAX_HEADER_LIST_SIZE counts. */
  constructor(listBytesMax: number, tableBytesMax: number = HEADER_TABLE_BYTES) {
    this.#listBytesMax = listBytesMax;
    this.#tableBytesMax = Math.min(tableBytesMax, HEADER_TABLE_BYTES);
    this.#bytesMax = this.#tableBytesMax;
  }

  /** Bytes the dynamic table counts now. */
  get tableBytes(): number {
    return this.#bytes;
  }

  /** The headers of one whole block; undefined where the list is longer than the limit. Throws COMPRESSION_ERROR. */
  decode(block: Buffer, start: number, end: number): HeaderList | undefined {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    const list: string[] = [];
    let listBytes = 0;
    let fields = 0;
    while (this.#at < end) {
      const first = block[this.#at] as number;
      let name: string;
      let value: string;
      if (first >= 0x80) {
        const index = this.#integer(0x7f);
        if (index === 0) throw broken('index 0');
        if (index < STATIC.length) {
          const entry = STATIC[index] as readonly [string, string];
          name = entry[0];
          value = entry[1];
        } else {
          const slot = this.#slot(index);
          name = this.#names[slot] as string;
          value = this.#values[slot] as string;
        }
      } else if (first >= 0x40) {
        name = this.#name(0x3f);
        value = this.#string();
        this.#insert(name, value);
      } else if (first >= 0x20) {
        if (fields > 0) throw broken('a table size update after a header');
        const bytesMax = this.#integer(0x1f);
        if (bytesMax > this.#tableBytesMax) throw broken('a table larger than was allowed');
        this.#bytesMax = bytesMax;
        this.#evict(0);
        continue;
      } else {
        name = this.#name(0x0f);
        value = this.#string();
      }
      fields++;
      listBytes += name.length + value.length + OVERHEAD_BYTES;
      if (listBytes <= this.#listBytesMax) list.push(name, value);
    }
    this.#block = EMPTY;
    return listBytes <= this.#listBytesMax ? list : undefined;
  }

  #integer(mask: number): number {
    const block = this.#block;
    let value = (block[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) throw broken('an integer that is cut off');
      const byte = block[this.#at++] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken('an integer beyond any limit');
  }

  #name(mask: number): string {
    const index = this.#integer(mask);
    if (index === 0) return this.#string();
    if (index < STATIC.length) return (STATIC[index] as readonly [string, string])[0];
    return this.#names[this.#slot(index)] as string;
  }

  #string(): string {
    if (this.#at >= this.#end) throw broken('a text that is missing');
    const huffman = (this.#block[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw broken('a text that is cut off');
    this.#at = to;
    return huffman ? decodeHuffman(this.#block, from, to) : this.#block.toString('latin1', from, to);
  }

  #slot(index: number): number {
    const back = index - STATIC.length;
    if (back >= this.#count) throw broken(`index ${index} of a table that has ${this.#count} entries`);
    return (this.#inserted - 1 - back) % RING;
  }

  #insert(name: string, value: string): void {
    const bytes = name.length + value.length + OVERHEAD_BYTES;
    this.#evict(bytes);
    if (bytes > this.#bytesMax) return; // the table is empty now, as the RFC says
    const slot = this.#inserted % RING;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#inserted++;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Makes room for `bytes`, oldest first. */
  #evict(bytes: number): void {
    while (this.#count > 0 && this.#bytes + bytes > this.#bytesMax) {
      const oldest = (this.#inserted - this.#count) % RING;
      this.#bytes -= (this.#names[oldest] as string).length + (this.#values[oldest] as string).length + OVERHEAD_BYTES;
      this.#names[oldest] = '';
      this.#values[oldest] = '';
      this.#count--;
    }
  }
}

const EMPTY = Buffer.alloc(0);

function broken(what: string): ConnectionError {
  return new ConnectionError(Code.COMPRESSION_ERROR, `a header block has ${what}`);
}
