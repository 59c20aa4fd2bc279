// Words seen before, with their tokens. Text repeats its words, so most of a model's work is found here. Keys and
// tokens lie in flat arrays of fixed size; when either is full everything is forgotten, which bounds memory and costs
// one refill. The arrays come with the first word: several megabytes would be most of what loading a tokenizer asks for.

import { HASH_SEED, hashStep, spread } from './hash.js';
import type { TokenSink } from './token-sink.js';

const SLOTS = 1 << 16;
const WORDS_MAX = SLOTS / 2;
const UNITS_MAX = 1 << 18;
const TOKENS_MAX = 1 << 17;

/** Longer words are not kept: they hardly come again. */
export const WORD_UNITS_MAX = 48;

export class WordCache {
  private keys = new Uint16Array(0);
  private values = new Int32Array(0);
  /** Per slot: hash, key offset, key length (0: free), value offset, token count. */
  private slots = new Int32Array(5);
  /** Number of slots less one. */
  private mask = 0;
  private words = 0;
  private units = 0;
  private tokens = 0;
  /** The slot and hash that the last miss ended at, for `keep`. */
  private missSlot = 0;
  private missHash = 0;

  /** Pushes the tokens of a known word and says whether it was known. */
  replay(text: string, start: number, end: number, sink: TokenSink): boolean {
    let hash = HASH_SEED;
    for (let i = start; i < end; i++) hash = hashStep(hash, text.charCodeAt(i));
    const { slots, keys, mask, values } = this;
    const length = end - start;
    let slot = spread(hash) & mask;
    for (;;) {
      const at = 5 * slot;
      const keyLength = slots[at + 2] as number;
      if (keyLength === 0) {
        this.missSlot = slot;
        this.missHash = hash;
        return false;
      }
      if (slots[at] === hash && keyLength === length) {
        const offset = (slots[at + 1] as number) - start;
        let same = true;
        for (let i = start; i < end; i++) {
          if (keys[offset + i] !== text.charCodeAt(i)) {
            same = false;
            break;
          }
        }
        if (same) {
          const count = slots[at + 4] as number;
          sink.reserve(count);
          let from = slots[at + 3] as number;
          let to = sink.length;
          const { ids, starts, ends, words, word } = sink;
          for (let k = 0; k < count; k++) {
            ids[to] = values[from] as number;
            starts[to] = start + (values[from + 1] as number);
            ends[to] = start + (values[from + 2] as number);
            words[to] = word;
            from += 3;
            to++;
          }
          sink.length = to;
          return true;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Remembers the word just missed: its tokens are the last ones of `sink`, from `first`. */
  keep(text: string, start: number, end: number, sink: TokenSink, first: number): void {
    const length = end - start;
    const count = sink.length - first;
    if (this.words >= WORDS_MAX || this.units + length > UNITS_MAX || this.tokens + count > TOKENS_MAX) {
      this.slots.fill(0);
      this.words = this.units = this.tokens = 0;
      return;
    }
    if (this.mask === 0) this.open();
    const at = 5 * this.missSlot;
    this.slots[at] = this.missHash;
    this.slots[at + 1] = this.units;
    this.slots[at + 2] = length;
    this.slots[at + 3] = 3 * this.tokens;
    this.slots[at + 4] = count;
    for (let i = start; i < end; i++) this.keys[this.units++] = text.charCodeAt(i);
    let to = 3 * this.tokens;
    for (let k = first; k < sink.length; k++) {
      this.values[to++] = sink.ids[k] as number;
      this.values[to++] = (sink.starts[k] as number) - start;
      this.values[to++] = (sink.ends[k] as number) - start;
    }
    this.tokens += count;
    this.words++;
  }

  private open(): void {
    this.keys = new Uint16Array(UNITS_MAX);
    this.values = new Int32Array(3 * TOKENS_MAX);
    this.slots = new Int32Array(5 * SLOTS);
    this.mask = SLOTS - 1;
    this.missSlot = spread(this.missHash) & this.mask;
  }
}
