/**
 * The words of a text in any script: what frequencies, cues and overlaps are counted on. Where they are written without spaces
 * between them (Chinese, Japanese, Thai) the Unicode rules find them.
 */
import type { Turns } from '../turns.js';

const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** Code units whose words are counted in one go: about 3 ms. */
const SLICE_UNITS = 16_384;

let segmenter: Intl.Segmenter | undefined;

/**
 * Runs of letters and digits, lower-case, in the one form Unicode has for letters written in several (NFKC). Of ASCII text the
 * same that the weights of extractive-en were tuned with (models/training/extractive.py).
 */
export function wordsOf(text: string): string[] {
  const plain = text.toLowerCase().normalize('NFKC');
  if (!UNSPACED.test(plain)) return plain.match(WORD) ?? [];
  const words: string[] = [];
  for (const segment of wordLike(plain)) words.push(...(segment.match(WORD) ?? []));
  return words;
}

/** True of words that say what a text is about: those of some length, which the small words of a language have not. */
export function isContent(word: string): boolean {
  return word.length > 3 || (word.length > 1 && UNSPACED.test(word));
}

/** Words as a reader counts them: "it's" and "3.5" are one. */
export function countWords(text: string): number {
  if (!UNSPACED.test(text)) return text.match(/[\p{L}\p{N}]+(?:['’.-][\p{L}\p{N}]+)*/gu)?.length ?? 0;
  let count = 0;
  for (const _word of wordLike(text)) count++;
  return count;
}

/** The words of a text of any length, counted in slices. */
export async function countWordsInTurns(text: string, turns: Turns): Promise<number> {
  let count = 0;
  for (let at = 0; at < text.length; ) {
    const turn = turns.take();
    if (turn) await turn;
    const startedMs = performance.now();
    let end = Math.min(text.length, at + SLICE_UNITS);
    const space = end < text.length ? text.lastIndexOf(' ', end) : -1;
    if (space > at) end = space;
    count += countWords(text.slice(at, end));
    at = end;
    turns.spent(performance.now() - startedMs);
  }
  return count;
}

function* wordLike(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' });
  for (const { segment, isWordLike } of segmenter.segment(text)) if (isWordLike) yield segment;
}
