/**
 * Texts to token ids without holding up the thread that serves RPC: a few milliseconds of work, then a turn of the event loop for
 * everybody else. A single long text cannot be sliced (what a tokenizer does to its middle may depend on its beginning), so it
 * goes to a thread of its own.
 */
import { type Clock } from '../chassis/clock.js';
import { abortReason, fieldError } from '../chassis/errors.js';
import type { Tokenizer } from './tokenizer/index.js';

export type Truncate = 'right' | 'left' | 'refuse';

export interface ReadOptions {
  /** Tokens a text may have, special tokens included. */
  tokensMax: number;
  truncate: Truncate;
  /** Names the list in errors: "texts" gives "texts[3]". */
  field: string;
  signal: AbortSignal;
}

/** A text as the model reads it. */
export interface ReadText {
  ids: Int32Array;
  /** Absent where the text stands alone: all 0. */
  typeIds?: Uint8Array;
  truncated: boolean;
}

export interface TextReader {
  /** One a text, in order. TEXT_TOO_LONG names the text where truncation is refused; rejects with the signal's reason. */
  read(texts: readonly string[], options: ReadOptions): Promise<ReadText[]>;
  /** The same for pairs; each pair is cut where it is longest. */
  readPairs(pairs: readonly { text: string; pair: string }[], options: ReadOptions): Promise<ReadText[]>;
  /** Nanoseconds spent in the tokenizer. */
  readonly spentNs: number;
  close(): void;
}
