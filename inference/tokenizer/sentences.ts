// Where sentences end. The Unicode rules (Intl.Segmenter) propose borders; they know scripts and brackets but no
// abbreviations and no wrapped lines, so what they cut too early is joined again here, by what stands on both sides.
import { BEFORE_NUMBER, NEVER_LAST, ORDINAL_MONTHS, SOMETIMES_LAST, STARTERS } from './abbreviations.js';

/** Part of a text in UTF-16 code units, end excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Lines at least this long that end without punctuation are taken to be wrapped, not ended. */
const WRAPPED_UNITS_MIN = 40;

/** The segmenter sees at most so much at once: its cost must stay linear, whatever the text. */
const BLOCK_UNITS_MAX = 16384;

/** A quotation that runs on longer than this has lost its closing mark. */
const QUOTATION_UNITS_MAX = 400;

/** A full stop further back in the same sentence than this is forgotten. */
const LOOK_BACK_UNITS_MAX = 400;

const OPENING = /[\u300c\u300e\uff08\u3010\u201e]/;

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterFor(locale: string): Intl.Segmenter {
  let segmenter = segmenters.get(locale);
  if (segmenter === undefined) {
    segmenter = new Intl.Segmenter(locale, { granularity: 'sentence' });
    if (segmenters.size >= 64) segmenters.clear();
    segmenters.set(locale, segmenter);
  }
  return segmenter;
}

/**
 * The sentences of `text`, in order and without gaps: spaces after a sentence belong to it. `locale` (BCP 47, default
 * en) matters little; abbreviations of all languages are known together.
 */
export function sentences(text: string, locale = 'en'): Span[] {
  const spans: Span[] = [];
  const segmenter = segmenterFor(locale);
  let start = 0;
  for (const block of blocks(text)) {
    for (const { index, segment } of segmenter.segment(text.slice(block.start, block.end))) {
      let end = block.start + index + segment.length;
      // The Unicode rules leave an opening bracket with what is before it.
      while (end < text.length && end - 1 > start && OPENING.test(text[end - 1] as string)) end--;
      if (end !== text.length && !isBorder(text, start, end)) continue;
      const before = spans.at(-1);
      // Nothing but space is no sentence: it goes with the one before.
      if (before !== undefined && text.slice(start, end).trim() === '')
        spans[spans.length - 1] = { start: before.start, end };
      else spans.push({ start, end });
      start = end;
    }
  }
  return spans;
}

/** Paragraphs, and pieces of very long ones. */
function* blocks(text: string): Generator<Span> {
  const gap = /\n[^\S\n]*\n\s*/g;
  let start = 0;
  while (start < text.length) {
    gap.lastIndex = start;
    const found = gap.exec(
      text.length - start > 4 * BLOCK_UNITS_MAX ? text.slice(0, start + 4 * BLOCK_UNITS_MAX) : text,
    );
    let end = found === null ? text.length : found.index + found[0].length;
    if (end - start > BLOCK_UNITS_MAX) {
      end = start + BLOCK_UNITS_MAX;
      const space = text.lastIndexOf(' ', end);
      if (space > start + BLOCK_UNITS_MAX / 2) end = space + 1;
      const unit = text.charCodeAt(end);
      if (unit >= 0xdc00 && unit < 0xe000) end--;
    }
    yield { start, end };
    start = end;
  }
}

/** Whether the border at `end` that was proposed for the sentence from `start` is one. */
function isBorder(text: string, start: number, end: number): boolean {
  let last = end;
  let newlines = 0;
  while (last > start && /\s/.test(text[last - 1] as string)) {
    if (/[\n\u2028\u2029]/.test(text[last - 1] as string)) newlines++;
    last--;
  }
  if (last === start) return start > 0;
  const next = nextWord(text, end);
  if (newlines >= 2) return true;
  if (newlines === 0 && isInsideQuotation(text, start, last)) return false;
  const ended =
    /[.!?\u2026\u3002\uff01\uff1f\uff61\u0964\u0965\u061f\u06d4\u055c\u055e\u0589]["'\u00bb\u201d\u2019)\]\u300d\u300f\uff09]*$/u.test(
      text.slice(Math.max(start, last - 12), last),
    );
  if (newlines === 1 && !ended) return !isWrapped(text, start, last, next);
  if (newlines === 0 && !ended)
    return (
      end - start >= BLOCK_UNITS_MAX ||
      /[\u3002\uff01\uff1f]/.test(text.slice(Math.max(start, last - LOOK_BACK_UNITS_MAX), last))
    );
  if (startsLower(next)) return false;
  return !endsInAbbreviation(
    text.slice(Math.max(start, last - 48), last),
    last - start > 64 ? '' : text.slice(start, last),
    next,
  );
}

/** Sentences quoted inside a Japanese or Chinese one belong to it, and so does what comes after with と. */
function isInsideQuotation(text: string, start: number, last: number): boolean {
  if (last - start > QUOTATION_UNITS_MAX) return false;
  let depth = 0;
  for (let i = start; i < last; i++) {
    const c = text[i] as string;
    if (c === '\u300c' || c === '\u300e') depth++;
    else if ((c === '\u300d' || c === '\u300f') && depth > 0) depth--;
  }
  return depth > 0 || (/[\u300d\u300f]/.test(text[last - 1] as string) && /[\u3068]/.test(text[last] ?? ''));
}

/** The first word after `at`: letters, digits, and the stops and apostrophes inside it. */
function nextWord(text: string, at: number): string {
  return (
    /^[\s"'(\u00ab\u201c\u2018[]*([\p{L}\p{N}][\p{L}\p{M}\p{N}.\u2019'-]*)?/u.exec(text.slice(at, at + 64))?.[1] ?? ''
  );
}

function startsLower(word: string): boolean {
  return /^\p{Ll}/u.test(word);
}

function isWrapped(text: string, start: number, last: number, next: string): boolean {
  if (next === '') return false;
  // The end of the line, looked at no further back than decides: what is read again at every border must be short.
  const line = text.slice(Math.max(start, last - WRAPPED_UNITS_MIN), last);
  if (/[,;\u2013\u2014-]$/.test(text.slice(last - 1, last))) return true;
  if (startsLower(next)) return true;
  return (
    line.length === WRAPPED_UNITS_MIN &&
    !line.includes('\n') &&
    /^[\p{L}\p{N}]/u.test(next) &&
    !/[\u3040-\u30ff\u4e00-\u9fff]$/.test(text.slice(last - 1, last))
  );
}

function endsInAbbreviation(tail: string, sentence: string, next: string): boolean {
  const found = /(?:^|[\s("'\u00ab\u201c\u2018[/])([\p{L}\p{N}][\p{L}\p{M}\p{N}.\u00aa\u00ba-]*)\.$/u.exec(tail);
  if (found === null) return false;
  const word = found[1] as string;
  const lower = word.toLowerCase();
  const follower = next.toLowerCase().replace(/[.\u2019'].*$/u, '');
  const startsNumber = /^\p{N}/u.test(next);
  if (/^\s*(?:\p{N}{1,3}|\p{L})\.$/u.test(sentence)) return true;
  if (NEVER_LAST.has(lower)) return true;
  if (startsNumber && BEFORE_NUMBER.has(lower)) return true;
  if (/^\p{N}{1,2}$/u.test(word)) return ORDINAL_MONTHS.has(follower);
  if (next === '' || STARTERS.has(follower)) return false;
  if (SOMETIMES_LAST.has(lower)) return true;
  // An initial, or letters with stops between them: J. K., U.S.S.R.
  if (word === 'I') return /^\p{Lu}\./u.test(next);
  return /^\p{Lu}$/u.test(word) || /^(?:\p{L}\.)+\p{L}$/u.test(word);
}
