// Where sentences end. The Unicode rules (Intl.Segmenter) propose borders; they know scripts and brackets but no
// abbreviations and no wrapped lines, so what they cut too early is joined again here, by what stands on both sides.
import { AFTER_ORDINAL, BEFORE_NUMBER, NEVER_LAST, SOMETIMES_LAST, STARTERS } from './abbreviations.js';

/** Part of a text in UTF-16 code units, end excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Lines at least this long that end without punctuation are taken to be wrapped, not ended. */
const WRAPPED_UNITS_MIN = 40;

/** A sentence that is longer than this ends at the next border proposed or the next end of a window. */
const SENTENCE_UNITS_MAX = 16384;

/** The segmenter sees at most so much at once: what it needs for each sentence grows with the text it was given. */
const WINDOW_UNITS_MAX = 2048;

/** A quotation that runs on longer than this has lost its closing mark. */
const QUOTATION_UNITS_MAX = 400;

/** A full stop further back in the same sentence than this is forgotten. */
const LOOK_BACK_UNITS_MAX = 400;

/** Opening brackets in a row that go to what follows them; more are no brackets but a pattern. */
const OPENING_UNITS_MAX = 16;

const SPACE = /\s/;
const NEWLINE = /[\n\u2028\u2029]/;
const PARAGRAPH_END = /\n[^\S\n]*\n\s*/;
/** Not "»Nein", which opens in German. */
const CLOSING_APART = /^\u00bb(?:[\s.,;:!?)]|$)/;
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
 * en) matters little; abbreviations of all languages are known together. Takes linear time whatever the text: every
 * space is read once, and every look back or ahead from a border has a limit of its own.
 */
export function sentences(text: string, locale = 'en'): Span[] {
  const spans: Span[] = [];
  let start = 0;
  // Of the sentence so far: where its spaces at the end begin, and the ends of lines in them. Read up to `seen`.
  let seen = 0;
  let last = 0;
  let newlines = 0;
  for (const proposal of proposals(text, segmenterFor(locale))) {
    let { end } = proposal;
    // The Unicode rules leave an opening bracket with what is before it.
    const least = Math.max(start + 1, seen, end - OPENING_UNITS_MAX);
    while (end < text.length && end > least && opensAt(text, end - 1)) end--;
    end = pastClosing(text, end);
    if (end <= start) continue; // a closing mark that went to the sentence before
    let at = end;
    let ends = 0;
    for (; at > seen; at--) {
      const unit = text[at - 1] as string;
      if (!SPACE.test(unit)) break;
      if (NEWLINE.test(unit)) ends++;
    }
    if (at > seen) {
      last = at;
      newlines = ends;
    } else newlines += ends;
    seen = end;
    const long = end - start >= SENTENCE_UNITS_MAX && last > start;
    if (end !== text.length && !long && (proposal.cut || !isBorder(text, start, end, last, newlines))) continue;
    const before = spans.at(-1);
    // Nothing but space is no sentence: it goes with the one before.
    if (before !== undefined && last === start) spans[spans.length - 1] = { start: before.start, end };
    else spans.push({ start, end });
    start = end;
    last = end;
    newlines = 0;
  }
  return spans;
}

interface Proposal {
  end: number;
  /** No end of a sentence, but of the window that the sentence fills. */
  cut: boolean;
}

/**
 * Where the Unicode rules end sentences, in order, the end of the text last. They are asked for a paragraph, or for a
 * window of a long one; the last sentence of a window is asked for again with what follows it.
 */
function* proposals(text: string, segmenter: Intl.Segmenter): Generator<Proposal> {
  let start = 0;
  while (start < text.length) {
    const { end, whole } = windowAt(text, start);
    const window = text.slice(start, end);
    let at = end;
    if (/\S/.test(window)) {
      for (const { index, segment } of segmenter.segment(window)) {
        const to = start + index + segment.length;
        const cut = to === end && !whole;
        if (cut && index > 0) {
          at = start + index;
          break;
        }
        yield { end: to, cut };
      }
    } else yield { end, cut: !whole };
    start = at;
  }
}

/** The paragraph from `start` on, with the space after it, or as much as a window holds, up to a space where there is one. */
function windowAt(text: string, start: number): { end: number; whole: boolean } {
  const window = text.slice(start, start + WINDOW_UNITS_MAX);
  const gap = PARAGRAPH_END.exec(window);
  if (gap !== null) return { end: start + gap.index + gap[0].length, whole: true };
  const end = start + window.length;
  if (end === text.length) return { end, whole: true };
  const space = window.lastIndexOf(' ');
  if (space > WINDOW_UNITS_MAX / 2) return { end: start + space + 1, whole: false };
  const unit = text.charCodeAt(end);
  return { end: unit >= 0xdc00 && unit < 0xe000 ? end - 1 : end, whole: false };
}

/**
 * Whether the border at `end` that was proposed for the sentence from `start` is one. From `last` on there are only
 * spaces, with so many newlines in them.
 */
function isBorder(text: string, start: number, end: number, last: number, newlines: number): boolean {
  if (last === start) return start > 0;
  const next = nextWord(text, end);
  if (newlines >= 2) return true;
  if (newlines === 0 && isInsideQuotation(text, start, last)) return false;
  const ended =
    /[.!?\u2026\u3002\uff01\uff1f\uff61\u0964\u0965\u061f\u06d4\u055c\u055e\u0589]["'\u00ab\u00bb\u201c\u201d\u2018\u2019)\]\u300d\u300f\uff09]*(?:\s\u00bb)?$/u.test(
      text.slice(Math.max(start, last - 12), last),
    );
  if (newlines === 1 && !ended) return !isWrapped(text, start, last, next);
  if (newlines === 0 && !ended)
    return /[\u3002\uff01\uff1f]/.test(text.slice(Math.max(start, last - LOOK_BACK_UNITS_MAX), last));
  if (startsLower(next)) return false;
  return !endsInAbbreviation(
    text.slice(Math.max(start, last - 48), last),
    last - start > 64 ? '' : text.slice(start, last),
    next,
  );
}

/** \u201c opens in Chinese and closes in German: it is told by what stands before it. */
function opensAt(text: string, at: number): boolean {
  const unit = text[at] as string;
  return OPENING.test(unit) || (unit === '\u201c' && at > 0 && /[\u3002\uff01\uff1f]/.test(text[at - 1] as string));
}

/** Where the sentence that ends at `end` ends with the mark that closes it behind a space, as in French: "« Non. » ". */
function pastClosing(text: string, end: number): number {
  if (!CLOSING_APART.test(text.slice(end, end + 2))) return end;
  let at = end + 1;
  while (at < Math.min(text.length, end + OPENING_UNITS_MAX) && SPACE.test(text[at] as string)) at++;
  return at;
}

/** Sentences quoted inside a Japanese or Chinese one belong to it, and so does what comes after with と. */
function isInsideQuotation(text: string, start: number, last: number): boolean {
  if (last - start > QUOTATION_UNITS_MAX) return false;
  let depth = 0;
  for (const c of text.slice(start, last)) {
    if (c === '\u300c' || c === '\u300e') depth++;
    else if ((c === '\u300d' || c === '\u300f') && depth > 0) depth--;
  }
  return depth > 0 || (/[\u300d\u300f]/.test(text[last - 1] as string) && text[last] === '\u3068');
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
  // Also written with spaces: "z. B.", "т. д.", "EE. UU.".
  const spaced =
    /(?:^|[\s("])((?:\p{L}{1,3}\.\s)+\p{L}{1,4})\.$/u.exec(tail)?.[1]?.toLowerCase().replace(/\s/g, '') ?? '';
  const follower = next.toLowerCase().replace(/[.\u2019'].*$/u, '');
  const startsNumber = /^\p{N}/u.test(next);
  if (/^\s*(?:\p{N}{1,3}|\p{L})\.$/u.test(sentence)) return true;
  if (NEVER_LAST.has(lower) || NEVER_LAST.has(spaced)) return true;
  if (/^\p{Ll}$/u.test(word) && /^(?:\p{L}|Chr)\.$/u.test(next)) return true;
  if (startsNumber && BEFORE_NUMBER.has(lower)) return true;
  if (/^\p{N}{1,2}$/u.test(word)) return AFTER_ORDINAL.has(follower);
  if (next === '' || STARTERS.has(follower)) return false;
  if (SOMETIMES_LAST.has(lower) || SOMETIMES_LAST.has(spaced)) return true;
  // An initial, or letters with stops between them: J. K., U.S.S.R.
  if (word === 'I') return /^\p{Lu}\./u.test(next);
  return /^\p{Lu}$/u.test(word) || /^(?:\p{L}\.)+\p{L}$/u.test(word);
}
