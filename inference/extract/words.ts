/**
 * The words of a text in any script: what frequencies, cues and overlaps are counted on. Where they are written without spaces
 * between them (Chinese, Japanese, Thai) the Unicode rules find them.
 */
import type { Turns } from '../turns.js';
import { inSlices } from './slices.js';

const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** Code units whose words are looked for at once: what the Unicode rules need for a character grows with the text around it. */
const WINDOW_UNITS = 512;
/** White space, and what ends a clause in Chinese and Japanese: no word goes on behind it. */
const BORDER = /[\s\u3001\u3002\uff01\uff0c\uff1f]/;

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

/** The words of a text of any length, counted in turns. */
export async function countWordsInTurns(text: string, turns: Turns): Promise<number> {
  let count = 0;
  const pieces = [...windows(text)];
  await inSlices(pieces.length, turns, (index) => {
    count += countWords(pieces[index] as string);
  });
  return count;
}

function* wordLike(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' });
  for (const window of windows(text)) {
    for (const { segment, isWordLike } of segmenter.segment(window)) if (isWordLike) yield segment;
  }
}

/** The text in pieces that cut no word, unless one is as long as half a window. */
function* windows(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + WINDOW_UNITS);
    if (end < text.length) {
      let border = end;
      while (border > at + WINDOW_UNITS / 2 && !BORDER.test(text[border - 1] as string)) border--;
      if (border > at + WINDOW_UNITS / 2) end = border;
      else if (/[\udc00-\udfff]/.test(text[end] as string)) end--; // not inside a character
    }
    yield text.slice(at, end);
    at = end;
  }
}
