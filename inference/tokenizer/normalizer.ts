// Normalizers: what happens to a text before it is cut into words. Each has two faces that must agree: `plain` for when
// only ids are wanted, and `aligned` for when every unit must still know its place in the original.
import {
  type AlignedText,
  alignment,
  copyPlaces,
  expandAligned,
  filterAligned,
  rewrite,
  sliceAligned,
  stringOf,
  UNTRACKED,
} from './aligned-text.js';
import { byteToChar } from './byte-level.js';
import { createCharsmap } from './charsmap.js';
import { TokenizerError } from './error.js';
import { compilePattern } from './regex/pattern.js';
import { lowercase } from './unicode/lowercase.js';
import { type Changes, combiningClass, composeText, decomposeText, isInert } from './unicode/normalization.js';
import { isAscii, isWhitespace, lazySet } from './unicode/points.js';
import { COMBINING, CONTROL, NONSPACING } from './unicode/tables.js';

export interface Normalizer {
  plain(text: string): string;
  aligned(source: AlignedText): AlignedText;
}

const control = lazySet(CONTROL);
const nonspacing = lazySet(NONSPACING);
const combining = lazySet(COMBINING);

/** Builds the `normalizer` of a tokenizer file. */
export function createNormalizer(json: unknown): Normalizer | undefined {
  if (json === null || json === undefined) return undefined;
  const config = json as Record<string, unknown>;
  switch (config.type) {
    case 'Sequence':
      return sequence((config.normalizers as unknown[]).map(createNormalizer).filter((n) => n !== undefined));
    case 'BertNormalizer':
    case 'Bert':
      return bert(config);
    case 'Lowercase':
      return lower;
    case 'NFC':
      return unicodeForm(composeText, false);
    case 'NFKC':
      return unicodeForm(composeText, true);
    case 'NFD':
      return unicodeForm(decomposeText, false);
    case 'NFKD':
      return unicodeForm(decomposeText, true);
    case 'StripAccents':
      return filter((point) => point < 0x300 || !combining().has(point));
    case 'StripCombining': // in no file: what Python's unicodedata.combining is true for
      return filter((point) => combiningClass(point) === 0);
    case 'Strip':
      return strip(config.strip_left === true, config.strip_right === true);
    case 'Replace':
      return replace(config);
    case 'Prepend':
      return prepend(String(config.prepend));
    case 'Nmt':
      return sequence([filter((point) => !isNmtControl(point)), substitute(nmtSpace)]);
    case 'Precompiled':
      return createCharsmap(
        config.precompiled_charsmap instanceof Uint8Array
          ? config.precompiled_charsmap
          : Buffer.from(String(config.precompiled_charsmap ?? ''), 'base64'),
        config.longest === true,
        config.keep as readonly string[] | undefined,
      );
    case 'ByteLevel':
      return byteLevel;
    default:
      throw new TokenizerError(`the normalizer ${String(config.type)} is not supported`);
  }
}

function sequence(parts: readonly Normalizer[]): Normalizer {
  return {
    plain: (text) => parts.reduce((t, part) => part.plain(t), text),
    aligned: (source) => parts.reduce((s, part) => part.aligned(s), source),
  };
}

const lower: Normalizer = {
  plain: lowercase,
  aligned(source) {
    const text = lowercase(source.text);
    if (text === source.text) return source;
    // Only the dotted capital I grows when it is lowered.
    if (text.length === source.text.length) return { ...source, text };
    return expandAligned(source, (point) => lowercase(String.fromCodePoint(point)));
  },
};

function unicodeForm(form: (text: string, compatibility: boolean) => Changes, compatibility: boolean): Normalizer {
  return {
    plain: (text) => (isInert(text, compatibility) ? text : stringOf(form(text, compatibility).points)),
    aligned: (source) =>
      isInert(source.text, compatibility) ? source : rewrite(source, form(source.text, compatibility)),
  };
}

function filter(keep: (point: number) => boolean): Normalizer {
  const all = (text: string) => {
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i) as number;
      if (!keep(point)) return false;
      if (point > 0xffff) i++;
    }
    return true;
  };
  return {
    plain(text) {
      if (all(text)) return text;
      let out = '';
      for (const c of text) if (keep(c.codePointAt(0) as number)) out += c;
      return out;
    },
    aligned: (source) => (all(source.text) ? source : filterAligned(source, keep)),
  };
}

/** Maps characters of the first plane to others of it, one for one. */
function substitute(map: (point: number) => number): Normalizer {
  const plain = (text: string) => {
    let out = '';
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const other = map(unit);
      if (other === unit) continue;
      out += text.slice(from, i) + String.fromCharCode(other);
      from = i + 1;
    }
    return from === 0 ? text : out + text.slice(from);
  };
  return { plain, aligned: (source) => ({ ...source, text: plain(source.text) }) };
}

function strip(left: boolean, right: boolean): Normalizer {
  const bounds = (text: string) => {
    let start = 0;
    let end = text.length;
    if (left) while (start < end && isWhitespace(text.charCodeAt(start))) start++;
    if (right) while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
    return { start, end };
  };
  return {
    plain(text) {
      const { start, end } = bounds(text);
      return text.slice(start, end);
    },
    aligned(source) {
      const { start, end } = bounds(source.text);
      return sliceAligned(source, start, end);
    },
  };
}

function replace(config: Record<string, unknown>): Normalizer {
  const pattern = compilePattern(config.pattern);
  const content = String(config.content);
  return {
    plain(text) {
      if (text === '') return text;
      let out = '';
      let from = 0;
      let any = false;
      pattern.matches(text, (start, end) => {
        any = true;
        out += text.slice(from, start) + content;
        from = end;
      });
      return any ? out + text.slice(from) : text;
    },
    aligned(source) {
      const { text } = source;
      if (text === '') return source;
      const old = alignment(source);
      const align: number[] = [];
      let out = '';
      let from = 0;
      let any = false;
      const copy = (to: number) => {
        out += text.slice(from, to);
        for (let i = 2 * from; i < 2 * to; i++) align.push(old[i] as number);
      };
      pattern.matches(text, (start, end) => {
        any = true;
        copy(start);
        const origin = old[0] as number;
        const low = end < 1 ? origin : (old[2 * end - 2] as number);
        const high = end < 1 ? origin : (old[2 * end - 1] as number);
        out += content;
        for (let k = 0; k < content.length; k++) align.push(low, high);
        from = end;
      });
      if (!any) return source;
      copy(text.length);
      return { text: out, base: 0, align: Int32Array.from(align) };
    },
  };
}

function prepend(content: string): Normalizer {
  return {
    plain: (text) => (text === '' ? text : content + text),
    aligned(source) {
      if (source.text === '' || content === '') return source;
      return prependAligned(source, content);
    },
  };
}

/** Puts `content` first, in the place of the first character. */
export function prependAligned(source: AlignedText, content: string): AlignedText {
  const text = content + source.text;
  if (source.base === UNTRACKED) return { text, base: UNTRACKED, align: null };
  const old = alignment(source);
  const align = new Int32Array(old.length + 2 * content.length);
  for (let k = 0; k < content.length; k++) {
    align[2 * k] = old[0] as number;
    align[2 * k + 1] = old[1] as number;
  }
  align.set(old, 2 * content.length);
  return { text, base: 0, align };
}

function isNmtControl(point: number): boolean {
  return (
    (point >= 1 && point <= 8) ||
    point === 0xb ||
    (point >= 0xe && point <= 0x1f) ||
    point === 0x7f ||
    point === 0x8f ||
    point === 0x9f
  );
}

function nmtSpace(point: number): number {
  const space =
    point === 9 ||
    point === 10 ||
    point === 12 ||
    point === 13 ||
    point === 0x1680 ||
    (point >= 0x200b && point <= 0x200f) ||
    point === 0x2028 ||
    point === 0x2029 ||
    point === 0x2581 ||
    point === 0xfeff ||
    point === 0xfffd;
  return space ? 0x20 : point;
}

const byteEncoder = new TextEncoder();

const byteLevel: Normalizer = {
  plain(text) {
    let out = '';
    for (const byte of byteEncoder.encode(text)) out += byteToChar[byte];
    return out;
  },
  aligned(source) {
    return expandAligned(source, (point) => byteLevel.plain(String.fromCodePoint(point)));
  },
};

/** Whether `point` is one that BERT sets apart as a Chinese character. */
function isChinese(point: number): boolean {
  if (point < 0x3400) return false;
  return (
    (point >= 0x4e00 && point <= 0x9fff) ||
    point <= 0x4dbf ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0x20000 && point <= 0x2a6df) ||
    (point >= 0x2a700 && point <= 0x2b73f) ||
    (point >= 0x2b740 && point <= 0x2b81f) ||
    (point >= 0x2b920 && point <= 0x2ceaf) ||
    (point >= 0x2f800 && point <= 0x2fa1f)
  );
}

function bert(config: Record<string, unknown>): Normalizer {
  const lowers = config.lowercase === true;
  const accents =
    config.strip_accents === null || config.strip_accents === undefined ? lowers : config.strip_accents === true;
  const parts: Normalizer[] = [];
  if (config.clean_text === true) {
    parts.push(filter((point) => point !== 0 && point !== 0xfffd && (isKeptControl(point) || !control().has(point))));
    parts.push(substitute((point) => (isWhitespace(point) ? 0x20 : point)));
  }
  if (config.handle_chinese_chars === true) parts.push(spacedChinese);
  if (accents) {
    parts.push(unicodeForm(decomposeText, false));
    parts.push(filter((point) => point < 0x300 || !nonspacing().has(point)));
  }
  if (lowers) parts.push(lower);
  const all = sequence(parts);
  const plainAscii = (text: string) => (lowers ? text.toLowerCase() : text);
  return {
    plain(text) {
      let out = '';
      eachRun(text, (start, end, simple) => {
        const run = start === 0 && end === text.length ? text : text.slice(start, end);
        out += simple ? plainAscii(run) : all.plain(run);
      });
      return out;
    },
    aligned(source) {
      const { text } = source;
      const runs: AlignedText[] = [];
      eachRun(text, (start, end, simple) => {
        const run = sliceAligned(source, start, end);
        runs.push(simple ? { ...run, text: plainAscii(run.text) } : all.aligned(run));
      });
      if (runs.length === 1) return runs[0] as AlignedText;
      const units = runs.reduce((sum, run) => sum + run.text.length, 0);
      const align = new Int32Array(2 * units);
      let at = 0;
      for (const run of runs) at = copyPlaces(run, 0, run.text.length, align, at);
      return { text: runs.map((run) => run.text).join(''), base: 0, align };
    },
  };
}

/** Printable ASCII is long runs in most texts; every step treats it by itself, and marks cannot reach over it. */
const SIMPLE_UNITS_MIN = 8;

/** Cuts a text into runs of printable ASCII, in which there is nothing to do but lowercasing, and others. */
function eachRun(text: string, run: (start: number, end: number, simple: boolean) => void): void {
  let from = 0;
  let i = 0;
  while (i < text.length) {
    const start = i;
    while (i < text.length && isPrintable(text.charCodeAt(i))) i++;
    if (i - start >= SIMPLE_UNITS_MIN || (start === 0 && i === text.length)) {
      if (from < start) run(from, start, false);
      run(start, i, true);
      from = i;
    }
    while (i < text.length && !isPrintable(text.charCodeAt(i))) i++;
  }
  if (from < text.length) run(from, text.length, false);
}

function isPrintable(unit: number): boolean {
  return unit >= 32 && unit <= 126;
}

function isKeptControl(point: number): boolean {
  return point === 9 || point === 10 || point === 13;
}

const spacedChinese: Normalizer = {
  plain(text) {
    if (isAscii(text)) return text;
    let out = '';
    for (const c of text) out += isChinese(c.codePointAt(0) as number) ? ` ${c} ` : c;
    return out;
  },
  aligned(source) {
    if (isAscii(source.text)) return source;
    return expandAligned(source, (point) => {
      const c = String.fromCodePoint(point);
      return isChinese(point) ? ` ${c} ` : c;
    });
  },
};
