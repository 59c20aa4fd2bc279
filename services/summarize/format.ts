/**
 * How a summary is laid out: a paragraph, or one bullet a sentence; cut to a length in sentences or words at a sentence border. The
 * flow does the same for text that arrives in pieces: what it has given out it never takes back, and together it is the final text.
 */
import { countWords } from '../../inference/extract/index.js';
import { sentences } from '../../inference/tokenizer/index.js';

/** Each sentence on a line of its own after "- ", or all after one another. */
export function formatSentences(texts: readonly string[], bullets: boolean): string {
  return bullets ? texts.map((text) => bulletOf(text.replace(/\s+/g, ' '))).join('\n') : texts.join(' ');
}

/** What is an item of a list already gets no second mark. */
function bulletOf(sentence: string): string {
  return `- ${sentence.replace(/^[-*•]\s+/, '')}`;
}

export interface Layout {
  bullets: boolean;
  sentencesMax: number;
  wordsMax: number;
  locale: string;
}

/** A unit behind which a word is over: white space, or a letter of those that are written without. */
const FINISHED = /[\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Lays out text that is complete. The first sentence stays however long it is. */
export function layOut(text: string, layout: Layout): string {
  const flow = createFlow(layout);
  return flow.push(text) + flow.end();
}

export interface Flow {
  /** What is certain now that this has come. */
  push(piece: string): string;
  /** The rest. */
  end(): string;
  /** True where the length asked for is reached: what comes now is not shown. */
  readonly full: boolean;
}

export function createFlow({ bullets, sentencesMax, wordsMax, locale }: Layout): Flow {
  const plain = !bullets && sentencesMax === Number.POSITIVE_INFINITY && wordsMax === Number.POSITIVE_INFINITY;
  let held = '';
  let shown = 0;
  let words = 0;
  let full = false;
  /** White space between this sentence and the one before: there is none in Chinese. */
  let gap = '';

  /** White space at the end is held back until something follows it; at the very front there is none. */
  const flat = (piece: string): string => {
    held += piece;
    if (shown === 0) held = held.trimStart();
    const text = held.trimEnd();
    held = held.slice(text.length);
    if (text !== '') shown++;
    return text;
  };

  const take = (sentence: string): string => {
    const text = sentence.trim().replace(/\s+/g, ' ');
    if (text === '' || full) return '';
    words += countWords(text);
    if (shown > 0 && words > wordsMax) {
      full = true;
      return '';
    }
    const before = shown === 0 ? '' : bullets ? '\n' : gap;
    gap = /\s$/.test(sentence) ? ' ' : '';
    shown++;
    if (shown >= sentencesMax || words >= wordsMax) full = true;
    return before + (bullets ? bulletOf(text) : text);
  };

  /**
   * A sentence is certain once another has begun behind it, with a whole word: what stands behind a full stop decides whether it was
   * one, and "In" may become "Interior".
   */
  const whole = (last: boolean): string => {
    let end = held.length;
    while (!last && end > 0 && !FINISHED.test(held[end - 1] as string)) end--;
    const known = held.slice(0, end);
    const spans = sentences(known, locale || undefined);
    let count = spans.length;
    if (!last) {
      count--;
      while (count > 0 && !/\p{L}/u.test(known.slice(spans[count]?.start))) count--;
    }
    const texts = spans.slice(0, Math.max(0, count)).map(({ start, end }) => known.slice(start, end));
    held = held.slice(texts.reduce((sum, text) => sum + text.length, 0));
    return texts.map(take).join('');
  };

  return {
    push(piece) {
      if (plain) return flat(piece);
      held += piece;
      return full ? '' : whole(false);
    },
    end: () => (plain || full ? '' : whole(true)),
    get full() {
      return full;
    },
  };
}
