// Pre-tokenizers: cutting text into the words that models see. Most only choose where to cut (splitters); Metaspace and
// ByteLevel also rewrite the text (rewriters). All work on sections, and leave added tokens alone.
import {
  type AlignedText,
  alignment,
  copyPlaces,
  firstEnd,
  originalStart,
  sliceAligned,
  UNTRACKED,
  widthAt,
} from './aligned-text.js';
import { TokenizerError } from './error.js';
import { gpt2Split } from './gpt2-split.js';
import { createNormalizer, prependAligned } from './normalizer.js';
import { compilePattern, type Pattern } from './regex/pattern.js';
import { scriptOf } from './scripts.js';
import type { Section } from './section.js';
import { isWhitespace, lazySet } from './unicode/points.js';
import { NUMERIC, PUNCTUATION, WORD } from './unicode/tables.js';

export interface PreTokenizer {
  apply(section: Section): void;
  /** Whether the result depends on where in the original a section starts, so that places must be tracked. */
  readonly needsPlaces: boolean;
}

/** Cuts the range [start, end) of `text`, giving pairs of start and end; empty ones are dropped by the caller. */
type Splitter = (text: string, start: number, end: number, out: number[]) => void;

type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

const punctuation = lazySet(PUNCTUATION);
const numeric = lazySet(NUMERIC);
const word = lazySet(WORD);

export interface PreTokenizerOptions {
  /** The model reads bytes itself, so a ByteLevel at the end need not spell them out. */
  rawBytes: boolean;
}

/** Builds the `pre_tokenizer` of a tokenizer file. */
export function createPreTokenizer(json: unknown, options: PreTokenizerOptions): PreTokenizer | undefined {
  if (json === null || json === undefined) return undefined;
  const config = json as Record<string, unknown>;
  switch (config.type) {
    case 'Sequence': {
      const list = config.pretokenizers as unknown[];
      const parts = list
        .map((part, i) => createPreTokenizer(part, { rawBytes: options.rawBytes && i === list.length - 1 }))
        .filter((part) => part !== undefined);
      return {
        apply: (section) => {
          for (const part of parts) part.apply(section);
        },
        needsPlaces: parts.some((part) => part.needsPlaces),
      };
    }
    case 'BertPreTokenizer':
      return splitting(splitBert);
    case 'Whitespace':
      return splitting(splitWords);
    case 'WhitespaceSplit':
      return splitting(byCharacter(isWhitespace, 'Removed'));
    case 'Punctuation':
      return splitting(byCharacter((point) => punctuation().has(point), behaviorOf(config.behavior ?? 'Isolated')));
    case 'Digits':
      return splitting(
        byCharacter((point) => numeric().has(point), config.individual_digits === true ? 'Isolated' : 'Contiguous'),
      );
    case 'CharDelimiterSplit':
    case 'Delimiter': {
      const delimiter = String(config.delimiter).codePointAt(0);
      return splitting(byCharacter((point) => point === delimiter, 'Removed'));
    }
    case 'Split':
      return splitting(byPattern(compilePattern(config.pattern), behaviorOf(config.behavior), config.invert === true));
    case 'UnicodeScripts':
      return splitting(splitScripts);
    case 'FixedLength':
      return splitting(fixedLength(Number(config.length ?? 5)));
    case 'Metaspace':
      return metaspace(config);
    case 'ByteLevel':
      return byteLevel(config, options.rawBytes);
    default:
      throw new TokenizerError(`the pre-tokenizer ${String(config.type)} is not supported`);
  }
}

/** Whether a pre-tokenizer ends in ByteLevel, so that a BPE model after it may read bytes itself. */
export function endsInByteLevel(json: unknown): boolean {
  const config = (json ?? {}) as Record<string, unknown>;
  if (config.type === 'Sequence') return endsInByteLevel((config.pretokenizers as unknown[]).at(-1));
  return config.type === 'ByteLevel';
}

function behaviorOf(value: unknown): Behavior {
  switch (value) {
    case 'Removed':
    case 'Isolated':
    case 'MergedWithPrevious':
    case 'MergedWithNext':
    case 'Contiguous':
      return value;
    default:
      throw new TokenizerError(`the split behavior ${String(value)} is not supported`);
  }
}

function splitting(split: Splitter): PreTokenizer {
  return {
    needsPlaces: false,
    apply(section) {
      if (section.tokenId >= 0) return;
      const { text } = section.text;
      const cut: number[] = [];
      for (let i = 0; i < section.ranges.length; i += 2) {
        split(text, section.ranges[i] as number, section.ranges[i + 1] as number, cut);
      }
      section.ranges = withoutEmpty(cut);
    },
  };
}

function withoutEmpty(ranges: number[]): number[] {
  let kept = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i] === ranges[i + 1]) continue;
    ranges[kept++] = ranges[i] as number;
    ranges[kept++] = ranges[i + 1] as number;
  }
  ranges.length = kept;
  return ranges;
}

/** Splits on whitespace, and puts every punctuation character alone. */
function splitBert(text: string, start: number, end: number, out: number[]): void {
  const marks = punctuation();
  let from = start;
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x61 && unit <= 0x7a) continue;
    const point = unit >= 0xd800 && unit < 0xdc00 ? (text.codePointAt(i) as number) : unit;
    const width = point > 0xffff ? 2 : 1;
    const mark = marks.has(point);
    if (mark || isWhitespace(point)) {
      if (from < i) out.push(from, i);
      if (mark) out.push(i, i + width);
      from = i + width;
    }
    i += width - 1;
  }
  if (from < end) out.push(from, end);
}

/** Runs of word characters, and runs of what is neither word nor space. */
function splitWords(text: string, start: number, end: number, out: number[]): void {
  const words = word();
  let from = start;
  let kind = 0;
  for (let i = start; i < end; ) {
    const point = text.codePointAt(i) as number;
    const next = words.has(point) ? 1 : isWhitespace(point) ? 0 : 2;
    if (next !== kind) {
      if (kind !== 0) out.push(from, i);
      from = i;
      kind = next;
    }
    i += point > 0xffff ? 2 : 1;
  }
  if (kind !== 0) out.push(from, end);
}

function byCharacter(isDelimiter: (point: number) => boolean, behavior: Behavior): Splitter {
  return (text, start, end, out) => {
    const cuts: number[] = [];
    let from = start;
    for (let i = start; i < end; ) {
      const point = text.codePointAt(i) as number;
      const width = point > 0xffff ? 2 : 1;
      if (isDelimiter(point)) {
        if (from < i) cuts.push(from, i, 0);
        cuts.push(i, i + width, 1);
        from = i + width;
      }
      i += width;
    }
    if (from < end) cuts.push(from, end, 0);
    behave(cuts, behavior, false, out);
  };
}

function byPattern(pattern: Pattern, behavior: Behavior, invert: boolean): Splitter {
  return (text, start, end, out) => {
    const piece = start === 0 && end === text.length ? text : text.slice(start, end);
    const cuts: number[] = [];
    let from = 0;
    pattern.matches(piece, (low, high) => {
      if (from !== low) cuts.push(start + from, start + low, 0);
      cuts.push(start + low, start + high, 1);
      from = high;
    });
    if (from !== piece.length) cuts.push(start + from, end, 0);
    behave(cuts, behavior, invert, out);
  };
}

/** `cuts` holds triples: start, end, and 1 for a match; the matches go where `behavior` says. */
function behave(cuts: number[], behavior: Behavior, invert: boolean, out: number[]): void {
  const isMatch = (i: number) => (cuts[i + 2] === 1) !== invert;
  if (behavior === 'Isolated') {
    for (let i = 0; i < cuts.length; i += 3) out.push(cuts[i] as number, cuts[i + 1] as number);
    return;
  }
  if (behavior === 'Removed') {
    for (let i = 0; i < cuts.length; i += 3) if (!isMatch(i)) out.push(cuts[i] as number, cuts[i + 1] as number);
    return;
  }
  const first = out.length;
  let previous = false;
  if (behavior === 'MergedWithNext') {
    const reversed: number[] = [];
    for (let i = cuts.length - 3; i >= 0; i -= 3) {
      const match = isMatch(i);
      if (match && !previous && reversed.length > 0) reversed[reversed.length - 2] = cuts[i] as number;
      else reversed.push(cuts[i] as number, cuts[i + 1] as number);
      previous = match;
    }
    for (let i = reversed.length - 2; i >= 0; i -= 2) out.push(reversed[i] as number, reversed[i + 1] as number);
    return;
  }
  for (let i = 0; i < cuts.length; i += 3) {
    const match = isMatch(i);
    const joins = behavior === 'Contiguous' ? match === previous : match && !previous;
    if (joins && out.length > first) out[out.length - 1] = cuts[i + 1] as number;
    else out.push(cuts[i] as number, cuts[i + 1] as number);
    previous = match;
  }
}

/** Runs of one script; what has none (spaces too) goes with what is before it, and is lost where nothing is. */
function splitScripts(text: string, start: number, end: number, out: number[]): void {
  let last = -1;
  let from = -1;
  for (let i = start; i < end; ) {
    const point = text.codePointAt(i) as number;
    const script = scriptOf(point);
    if (script >= 0 && script !== last) {
      if (from >= 0) out.push(from, i);
      from = i;
      last = script;
    }
    i += point > 0xffff ? 2 : 1;
  }
  if (from >= 0) out.push(from, end);
}

function fixedLength(length: number): Splitter {
  if (!(length > 0)) throw new TokenizerError(`the pre-tokenizer FixedLength has the length ${length}`);
  return (text, start, end, out) => {
    let from = start;
    let count = 0;
    for (let i = start; i < end; ) {
      i += widthAt(text, i);
      count++;
      if (count === length || i >= end) {
        out.push(from, i);
        from = i;
        count = 0;
      }
    }
  };
}

/** Rewrites each word by `change`, which may put text before it, and joins the results to one section text again. */
function rewriteWords(section: Section, change: (text: AlignedText) => AlignedText): void {
  const { ranges } = section;
  if (ranges.length === 2 && ranges[0] === 0 && ranges[1] === section.text.text.length) {
    section.text = change(section.text);
    ranges[1] = section.text.text.length;
    return;
  }
  const words: AlignedText[] = [];
  let units = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const changed = change(sliceAligned(section.text, ranges[i] as number, ranges[i + 1] as number));
    words.push(changed);
    ranges[i] = units;
    units += changed.text.length;
    ranges[i + 1] = units;
  }
  const text = words.map((w) => w.text).join('');
  if (section.text.base === UNTRACKED) {
    section.text = { text, base: UNTRACKED, align: null };
    return;
  }
  const align = new Int32Array(2 * units);
  let at = 0;
  for (const w of words) {
    align.set(alignment(w), 2 * at);
    at += w.text.length;
  }
  section.text = { text, base: 0, align };
}

function metaspace(config: Record<string, unknown>): PreTokenizer {
  const replacement = String(config.replacement);
  if (replacement.length !== 1)
    throw new TokenizerError(`the Metaspace replacement ${replacement} is not one code unit`);
  const given = config.prepend_scheme ?? 'always';
  if (config.add_prefix_space === false && config.prepend_scheme !== undefined && given !== 'never') {
    throw new TokenizerError('Metaspace has add_prefix_space false and a prepend_scheme that contradicts it');
  }
  const scheme = config.add_prefix_space === false ? 'never' : given;
  const split = config.split !== false;
  const mark = replacement.charCodeAt(0);
  return {
    needsPlaces: scheme === 'first',
    apply(section) {
      if (section.tokenId >= 0) return;
      const source = section.text;
      const old = source.text;
      const words = section.ranges;
      const ranges: number[] = [];
      // Where each word begins in the new text, and whether it was given a mark there.
      const marked: number[] = [];
      let text = '';
      let units = 0;
      for (let i = 0; i < words.length; i += 2) {
        const start = words[i] as number;
        const end = words[i + 1] as number;
        const word = old.slice(start, end);
        const bare = old.charCodeAt(start) !== SPACE && !word.startsWith(replacement);
        const prepends = bare && (scheme === 'always' || (scheme === 'first' && originalStart(source, start) === 0));
        const piece = word.includes(' ') ? word.replaceAll(' ', replacement) : word;
        marked.push(prepends ? 1 : 0);
        // Looked at here and never in `text`: what grows by appending must not be read before it is whole.
        let from = units;
        units += prepends ? 1 : 0;
        if (split) {
          // Every mark begins a piece.
          for (let k = 0; k < piece.length; k++) {
            if (piece.charCodeAt(k) !== mark || units + k === from) continue;
            ranges.push(from, units + k);
            from = units + k;
          }
        }
        units += piece.length;
        ranges.push(from, units);
        text += prepends ? replacement + piece : piece;
      }
      section.ranges = ranges;
      if (source.base === UNTRACKED) {
        section.text = { text, base: UNTRACKED, align: null };
        return;
      }
      const align = new Int32Array(2 * text.length);
      let at = 0;
      for (let i = 0; i < words.length; i += 2) {
        const start = words[i] as number;
        const end = words[i + 1] as number;
        if (marked[i >> 1] === 1) {
          for (let k = 0; k < replacement.length; k++) {
            align[at++] = originalStart(source, start);
            align[at++] = firstEnd(source, start);
          }
        }
        at = copyPlaces(source, start, end, align, at);
      }
      section.text = { text, base: 0, align };
    },
  };
}

const SPACE = 0x20;

function byteLevel(config: Record<string, unknown>, rawBytes: boolean): PreTokenizer {
  const prefix = config.add_prefix_space === true;
  const useRegex = config.use_regex !== false;
  const spell = createNormalizer({ type: 'ByteLevel' });
  return {
    needsPlaces: false,
    apply(section) {
      if (section.tokenId >= 0) return;
      if (prefix) rewriteWords(section, (s) => (s.text === '' || s.text.startsWith(' ') ? s : prependAligned(s, ' ')));
      if (useRegex) {
        const ranges: number[] = [];
        for (let i = 0; i < section.ranges.length; i += 2) {
          gpt2Split(section.text.text, section.ranges[i] as number, section.ranges[i + 1] as number, ranges);
        }
        section.ranges = ranges;
      }
      if (rawBytes || spell === undefined) return;
      rewriteWords(section, (s) =>
        s.base === UNTRACKED ? { text: spell.plain(s.text), base: UNTRACKED, align: null } : spell.aligned(s),
      );
    },
  };
}
