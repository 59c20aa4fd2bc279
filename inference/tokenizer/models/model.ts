// What the four models have in common: words in, tokens out.
import type { TokenSink } from '../token-sink.js';
import type { Vocabulary } from '../vocabulary.js';

export interface Model {
  readonly vocabulary: Vocabulary;
  /** Number of entries as the library counts them; new added tokens get ids from here on. */
  readonly size: number;
  /** Pushes the tokens of the word [start, end) of `text`. */
  tokenize(text: string, start: number, end: number, sink: TokenSink): void;
}
