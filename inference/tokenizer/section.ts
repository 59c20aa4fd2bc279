// A section is a stretch of text between added tokens, or one added token. Pre-tokenizers cut its text into ranges;
// each range becomes one word, and words are what models see.
import type { AlignedText } from './aligned-text.js';

export interface Section {
  text: AlignedText;
  /** Words as pairs of start and end in code units of `text`. */
  ranges: number[];
  /** The id of an added token that this section is, or -1. */
  readonly tokenId: number;
}

/** A section that is one word so far. */
export function wholeSection(text: AlignedText, tokenId: number): Section {
  return { text, ranges: [0, text.text.length], tokenId };
}
