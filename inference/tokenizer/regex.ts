// Patterns in tokenizer files are written for Oniguruma (Ruby syntax). This file reads such a pattern and writes the
// JavaScript one that matches the same: Unicode \w \d \s \b, ^ and $ at every line, a dot that stops only at \n, POSIX
// brackets, intersections, possessive and atomic groups, inline flags, and character classes of Unicode 16 whatever
// the running Node knows. What cannot be said in JavaScript is refused by name.
import { TokenizerError } from './error.js';
import { lazySet, type PointSet } from './unicode/points.js';
import { ASSIGNED, LETTER, NUMBER, REGEX_WORD } from './unicode/tables.js';

/** Calls `found` for every match in `text` between `start` and `end` as if nothing else were there. */
export interface Pattern {
  matches(text: string, found: (start: number, end: number) => void): void;
}

const SPACE = '\\t-\\r\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const ANY = '[\\s\\S]';
const word = lazySet(REGEX_WORD);
/** Inside brackets, Oniguruma's \w lacks the superscripts and fractions of Latin-1 that it takes elsewhere. */
const BRACKET_ONLY_NOT = [0xb2, 0xb3, 0xb9, 0xbc, 0xbd, 0xbe];
const letter = lazySet(LETTER);
const number = lazySet(NUMBER);
const assigned = lazySet(ASSIGNED);

/** Body of a class for a set, to stand inside brackets. */
function bodyOf(set: PointSet): string {
  const { ranges } = set;
  let body = '';
  for (let i = 0; i < ranges.length; i += 2) {
    const low = ranges[i] as number;
    const high = (ranges[i + 1] as number) - 1;
    body += low === high ? `\\u{${low.toString(16)}}` : `\\u{${low.toString(16)}}-\\u{${high.toString(16)}}`;
  }
  return body;
}

function bracketWord(): string {
  return `[${cached('w', word)}]--[${BRACKET_ONLY_NOT.map(escaped).join('')}]`;
}

const bodies = new Map<string, string>();
function cached(name: string, set: () => PointSet): string {
  let body = bodies.get(name);
  if (body === undefined) {
    body = bodyOf(set());
    bodies.set(name, body);
  }
  return body;
}

/** Names that Oniguruma spells without "Script=" or gives a meaning of its own; compared without case, _, - and space. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: '[\\p{Alphabetic}\\p{Nd}]',
  alpha: '\\p{Alphabetic}',
  ascii: '[\\x00-\\x7f]',
  blank: '[\\t\\p{Zs}]',
  cntrl: '\\p{Cc}',
  digit: '\\p{Nd}',
  graph: `[^${SPACE}\\p{Cc}\\p{Cn}\\p{Cs}]`,
  lower: '\\p{Lowercase}',
  print: '[^\\p{Cc}\\p{Cn}\\p{Cs}\\u2028\\u2029]',
  punct: '[\\p{P}\\p{S}]',
  space: `[${SPACE}]`,
  upper: '\\p{Uppercase}',
  xdigit: '[0-9A-Fa-f]',
  any: ANY,
  assigned: '\\P{Cn}',
};

const LONG_CATEGORIES: Readonly<Record<string, string>> = {
  other: 'C',
  control: 'Cc',
  format: 'Cf',
  unassigned: 'Cn',
  privateuse: 'Co',
  surrogate: 'Cs',
  letter: 'L',
  casedletter: 'LC',
  lowercaseletter: 'Ll',
  modifierletter: 'Lm',
  otherletter: 'Lo',
  titlecaseletter: 'Lt',
  uppercaseletter: 'Lu',
  mark: 'M',
  spacingmark: 'Mc',
  enclosingmark: 'Me',
  nonspacingmark: 'Mn',
  number: 'N',
  decimalnumber: 'Nd',
  letternumber: 'Nl',
  othernumber: 'No',
  punctuation: 'P',
  connectorpunctuation: 'Pc',
  dashpunctuation: 'Pd',
  closepunctuation: 'Pe',
  finalpunctuation: 'Pf',
  initialpunctuation: 'Pi',
  otherpunctuation: 'Po',
  openpunctuation: 'Ps',
  symbol: 'S',
  currencysymbol: 'Sc',
  modifiersymbol: 'Sk',
  mathsymbol: 'Sm',
  othersymbol: 'So',
  separator: 'Z',
  lineseparator: 'Zl',
  paragraphseparator: 'Zp',
  spaceseparator: 'Zs',
};

function property(name: string, negated: boolean, pattern: string): string {
  let plain = name.toLowerCase().replace(/[\s_-]/g, '');
  let not = negated;
  if (plain.startsWith('^')) {
    not = !not;
    plain = plain.slice(1);
  }
  if (plain === 'l' || plain === 'letter') return `[${not ? '^' : ''}${cached('L', letter)}]`;
  if (plain === 'n' || plain === 'number') return `[${not ? '^' : ''}${cached('N', number)}]`;
  if (plain === 'word' || plain === 'w') return `[${not ? '^' : ''}${bracketWord()}]`;
  const known = POSIX[plain] ?? scriptOrCategory(plain, name, pattern);
  return withinUnicode16(known, not);
}

function scriptOrCategory(plain: string, name: string, pattern: string): string {
  const short = plain.length <= 2 ? plain[0]?.toUpperCase() + plain.slice(1) : LONG_CATEGORIES[plain];
  const titled = name
    .replace(/^\^/, '')
    .trim()
    .replace(/[\s-]+/g, '_');
  const capital = titled
    .split('_')
    .map((part) => (part[0] ?? '').toUpperCase() + part.slice(1).toLowerCase())
    .join('_');
  const tries = [short, `Script=${capital}`, `Script=${titled}`, capital, titled].filter((t) => t !== undefined);
  for (const attempt of tries) {
    const named = `\\p{${attempt}}`;
    try {
      new RegExp(named, 'v');
      return named;
    } catch {
      // Not a name JavaScript knows in this spelling: the next one may be.
    }
  }
  throw new TokenizerError(`the regular expression ${pattern} names a character property that is not known: ${name}`);
}

/** Newer Unicodes assign more characters; the engine we follow knows those of Unicode 16. */
function withinUnicode16(named: string, not: boolean): string {
  const version = Number.parseFloat(process.versions.unicode ?? '16');
  if (version <= 16) return not ? `[^${named}]` : `[${named}]`;
  const known = `[${cached('assigned', assigned)}]`;
  if (/^\\p\{(C|Cn)\}$/.test(named)) {
    const set = named.includes('Cn') ? `[^${known}]` : `[[^${known}]\\p{Cc}\\p{Cf}\\p{Co}\\p{Cs}]`;
    return not ? `[^${set}]` : set;
  }
  return not ? `[^[${named}&&${known}]]` : `[${named}&&${known}]`;
}

interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  extended: boolean;
}

/** Other characters that match `point` when case is ignored. */
function caseVariants(point: number): number[] {
  const text = String.fromCodePoint(point);
  const found = new Set<number>([point]);
  for (const other of [text.toLowerCase(), text.toUpperCase(), text.toLowerCase().toUpperCase()]) {
    if ([...other].length === 1) found.add(other.codePointAt(0) as number);
  }
  const lower = text.toLowerCase();
  if (lower === 's') found.add(0x17f);
  if (lower === 'k') found.add(0x212a);
  if (lower === 'å') found.add(0x212b);
  return [...found].sort((a, b) => a - b);
}

function escaped(point: number): string {
  return /[0-9A-Za-z]/.test(String.fromCodePoint(point)) ? String.fromCodePoint(point) : `\\u{${point.toString(16)}}`;
}

function literal(point: number, flags: Flags): string {
  if (!flags.ignoreCase) return escaped(point);
  // The one letter whose capitals are two.
  if (point === 0xdf || point === 0x1e9e) return '(?:[\\xdf\\u1e9e]|[sS\\u017f]{2})';
  const variants = caseVariants(point);
  return variants.length === 1 ? escaped(point) : `[${variants.map(escaped).join('')}]`;
}

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

/** Translates an Oniguruma pattern to the source of a JavaScript one with the flag v. */
export function translate(pattern: string): string {
  let at = 0;
  let atomics = 0;
  const boundary = () => {
    const w = `[${cached('w', word)}]`;
    return { inside: `(?:(?<=${w})(?!${w})|(?<!${w})(?=${w}))`, outside: `(?:(?<=${w})(?=${w})|(?<!${w})(?!${w}))` };
  };
  const fail = (what: string): never => {
    throw new TokenizerError(`the regular expression ${pattern} uses ${what}, which is not supported`);
  };
  const peek = (text: string) => pattern.startsWith(text, at);
  const atomic = (body: string) => {
    atomics++;
    return `(?:(?=(?<atomic${atomics}>${body}))\\k<atomic${atomics}>)`;
  };

  const readHex = (): number => {
    // After \x or \u.
    const kind = pattern[at - 1];
    if (peek('{')) {
      const close = pattern.indexOf('}', at);
      const value = Number.parseInt(pattern.slice(at + 1, close), 16);
      at = close + 1;
      return value;
    }
    const length = kind === 'u' ? 4 : 2;
    const digits = /^[0-9A-Fa-f]*/.exec(pattern.slice(at, at + length))?.[0] ?? '';
    at += digits.length;
    return Number.parseInt(digits || '0', 16);
  };

  /** A backslash has been read; a class escape gives a set, anything else a character. */
  const readEscape = (inClass: boolean): { set: string } | { point: number } | { raw: string } => {
    const c = pattern[at++] as string;
    switch (c) {
      case 'w':
        return { set: inClass ? `[${bracketWord()}]` : `[${cached('w', word)}]` };
      case 'W':
        return { set: inClass ? `[^${bracketWord()}]` : `[^${cached('w', word)}]` };
      case 'd':
        return { set: withinUnicode16('\\p{Nd}', false) };
      case 'D':
        return { set: withinUnicode16('\\p{Nd}', true) };
      case 's':
        return { set: `[${SPACE}]` };
      case 'S':
        return { set: `[^${SPACE}]` };
      case 'h':
        return { set: '[0-9A-Fa-f]' };
      case 'H':
        return { set: '[^0-9A-Fa-f]' };
      case 'p':
      case 'P': {
        if (!peek('{')) return { point: c.charCodeAt(0) };
        const close = pattern.indexOf('}', at);
        const name = pattern.slice(at + 1, close);
        at = close + 1;
        return { set: property(name, c === 'P', pattern) };
      }
      case 'x':
      case 'u':
        return { point: readHex() };
      case 'c':
        return { point: pattern.charCodeAt(at++) & 0x1f };
      default:
    }
    const control = CONTROLS[c];
    if (control !== undefined) return { point: control };
    if (c === '0' || (inClass && /[0-7]/.test(c))) {
      const digits = /^[0-7]{0,2}/.exec(pattern.slice(at))?.[0] ?? '';
      at += digits.length;
      return { point: Number.parseInt((c === '0' ? '0' : c) + digits, 8) };
    }
    if (inClass && c === 'b') return { point: 8 };
    if (!inClass) {
      switch (c) {
        case 'b':
          return { raw: boundary().inside };
        case 'B':
          return { raw: boundary().outside };
        case 'A':
          return { raw: `(?<!${ANY})` };
        case 'z':
          return { raw: `(?!${ANY})` };
        case 'Z':
          return { raw: `(?=\\n?(?!${ANY}))` };
        case 'N':
          return { raw: '[^\\n]' };
        case 'O':
          return { raw: ANY };
        case 'R':
          return { raw: '(?:\\r\\n|[\\n-\\r\\x85\\u2028\\u2029])' };
        case 'k': {
          const close = pattern.indexOf('>', at);
          const name = pattern.slice(at + 1, close);
          at = close + 1;
          return { raw: /^\d+$/.test(name) ? `(?:\\${name})` : `\\k<${name}>` };
        }
        case 'G':
        case 'K':
        case 'X':
        case 'y':
        case 'Y':
        case 'g':
          return fail(`\\${c}`);
        default:
      }
      if (/[1-9]/.test(c)) {
        const digits = /^\d*/.exec(pattern.slice(at))?.[0] ?? '';
        at += digits.length;
        return { raw: `(?:\\${c}${digits})` };
      }
    }
    at--;
    const point = pattern.codePointAt(at) as number;
    at += point > 0xffff ? 2 : 1;
    return { point };
  };

  /** An opening bracket has been read. */
  const readClass = (flags: Flags): string => {
    const negated = peek('^');
    if (negated) at++;
    const operands: string[] = [];
    let items: string[] = [];
    let first = true;
    for (;;) {
      if (at >= pattern.length) fail('a class without an end');
      if (peek(']') && !first) {
        at++;
        break;
      }
      first = false;
      if (peek('&&')) {
        at += 2;
        operands.push(`[${items.join('')}]`);
        items = [];
        continue;
      }
      const posix = /^\[:(\^?)(\w+):\]/.exec(pattern.slice(at, at + 20));
      if (posix !== null) {
        at += posix[0].length;
        items.push(property(posix[2] as string, posix[1] === '^', pattern));
        continue;
      }
      if (peek('[')) {
        at++;
        items.push(readClass(flags));
        continue;
      }
      const low = readClassMember();
      if ('set' in low) {
        items.push(low.set);
        continue;
      }
      if (peek('-') && pattern[at + 1] !== ']' && pattern[at + 1] !== undefined) {
        const back = at;
        at++;
        const high = peek('[') ? undefined : readClassMember();
        if (high !== undefined && 'point' in high) {
          items.push(classRange(low.point, high.point, flags));
          continue;
        }
        at = back;
      }
      items.push(flags.ignoreCase ? caseVariants(low.point).map(escaped).join('') : escaped(low.point));
    }
    operands.push(`[${items.join('')}]`);
    const body = operands.length === 1 ? items.join('') : operands.join('&&');
    return `[${negated ? '^' : ''}${body}]`;
  };

  const readClassMember = (): { set: string } | { point: number } => {
    if (peek('\\')) {
      at++;
      const found = readEscape(true);
      return 'raw' in found ? fail('an escape that is no character') : found;
    }
    const point = pattern.codePointAt(at) as number;
    at += point > 0xffff ? 2 : 1;
    return { point };
  };

  const readAlternatives = (flags: Flags): string => {
    const current = { ...flags };
    let out = '';
    while (at < pattern.length) {
      const c = pattern[at] as string;
      if (c === ')') break;
      if (c === '|') {
        at++;
        out += '|';
        continue;
      }
      if (current.extended && /\s/.test(c)) {
        at++;
        continue;
      }
      if (current.extended && c === '#') {
        const end = pattern.indexOf('\n', at);
        at = end < 0 ? pattern.length : end + 1;
        continue;
      }
      const atom = readAtom(current);
      if (atom === undefined) {
        // Flags for the rest of this group: what follows is one alternative list of its own.
        out += `(?:${readAlternatives(current)})`;
        continue;
      }
      out += quantified(atom);
    }
    return out;
  };

  const quantified = (atom: string): string => {
    let body = atom;
    for (;;) {
      const found = /^(?:([*+?])([+?]?)|\{(\d*)(,?)(\d*)\}(\??))/.exec(pattern.slice(at, at + 24));
      if (found === null) return body;
      if (found[1] === undefined) {
        if (found[3] === '' && found[5] === '') return body;
        at += found[0].length;
        const bounds = found[4] === '' ? `{${found[3]}}` : `{${found[3] || '0'},${found[5]}}`;
        body = found[6] === '?' && found[4] === '' ? `(?:${body}${bounds})?` : `${body}${bounds}${found[6]}`;
      } else {
        at += found[0].length;
        body = found[2] === '+' ? atomic(`${body}${found[1]}`) : `${body}${found[1]}${found[2]}`;
      }
      if (/^[*+?{]/.test(pattern.slice(at, at + 1))) body = `(?:${body})`;
    }
  };

  /** Undefined after a group that only sets flags for what follows. */
  const readAtom = (flags: Flags): string | undefined => {
    const c = pattern[at] as string;
    if (c === '\\') {
      at++;
      const found = readEscape(false);
      if ('raw' in found) return found.raw;
      return 'set' in found ? found.set : literal(found.point, flags);
    }
    if (c === '[') {
      at++;
      return readClass(flags);
    }
    if (c === '.') {
      at++;
      return flags.dotAll ? ANY : '[^\\n]';
    }
    if (c === '^') {
      at++;
      return `(?:(?<!${ANY})|(?<=\\n)(?=${ANY}))`;
    }
    if (c === '$') {
      at++;
      return '(?![^\\n])';
    }
    if (c === '(') return readGroup(flags);
    const point = pattern.codePointAt(at) as number;
    at += point > 0xffff ? 2 : 1;
    return literal(point, flags);
  };

  const readGroup = (flags: Flags): string | undefined => {
    const close = (body: string) => {
      if (!peek(')')) fail('a group without an end');
      at++;
      return body;
    };
    for (const open of ['(?:', '(?=', '(?!', '(?<=', '(?<!']) {
      if (!peek(open)) continue;
      at += open.length;
      return close(`${open}${readAlternatives(flags)})`);
    }
    if (peek('(?>')) {
      at += 3;
      return close(atomic(readAlternatives(flags)));
    }
    if (peek('(?#')) {
      at = pattern.indexOf(')', at) + 1;
      return '(?:)';
    }
    const named = /^\(\?<(\w+)>/.exec(pattern.slice(at));
    if (named !== null) {
      at += named[0].length;
      return close(`${named[0]}${readAlternatives(flags)})`);
    }
    const inline = /^\(\?([imx]*)(?:-([imx]+))?([:)])/.exec(pattern.slice(at));
    if (inline !== null) {
      const inner = { ...flags };
      for (const [letters, on] of [
        [inline[1], true],
        [inline[2], false],
      ] as const) {
        if (letters?.includes('i')) inner.ignoreCase = on;
        if (letters?.includes('m')) inner.dotAll = on;
        if (letters?.includes('x')) inner.extended = on;
      }
      at += inline[0].length;
      if (inline[3] === ':') return close(`(?:${readAlternatives(inner)})`);
      Object.assign(flags, inner);
      return undefined;
    }
    if (peek('(?')) fail(`the group ${pattern.slice(at, at + 4)}`);
    at++;
    return close(`(${readAlternatives(flags)})`);
  };

  const source = readAlternatives({ ignoreCase: false, dotAll: false, extended: false });
  if (at < pattern.length) fail('an unmatched )');
  return source;
}

function classRange(low: number, high: number, flags: Flags): string {
  const plain = `${escaped(low)}-${escaped(high)}`;
  if (!flags.ignoreCase) return plain;
  const more = new Set<number>();
  if (high - low < 0x2000) {
    for (let point = low; point <= high; point++) {
      for (const variant of caseVariants(point)) if (variant < low || variant > high) more.add(variant);
    }
  }
  return plain + [...more].map(escaped).join('');
}

/** Compiles an Oniguruma pattern. Empty matches follow Oniguruma's iterator: never right after another match. */
export function compileRegex(pattern: string): Pattern {
  const source = translate(pattern);
  let expression: RegExp;
  try {
    expression = new RegExp(source, 'gv');
  } catch (cause) {
    throw new TokenizerError(`the regular expression ${pattern} could not be compiled`, { cause });
  }
  return {
    matches(text, found) {
      let from = 0;
      let last = -1;
      while (from <= text.length) {
        expression.lastIndex = from;
        const match = expression.exec(text);
        if (match === null) return;
        const start = match.index;
        const end = start + match[0].length;
        if (start === end && (end === last || isInsidePair(text, start))) {
          from = start + (isLead(text.charCodeAt(start)) ? 2 : 1);
          continue;
        }
        from = end;
        last = end;
        found(start, end);
      }
    },
  };
}

function isLead(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** Empty matches are found there too, between the halves of one character. */
function isInsidePair(text: string, at: number): boolean {
  return at > 0 && isLead(text.charCodeAt(at - 1)) && text.charCodeAt(at) >= 0xdc00 && text.charCodeAt(at) < 0xe000;
}

/** A pattern that matches `content` itself. */
export function compileLiteral(content: string): Pattern {
  if (content === '') return compileRegex('');
  return {
    matches(text, found) {
      for (let i = text.indexOf(content); i >= 0; i = text.indexOf(content, i + content.length)) {
        found(i, i + content.length);
      }
    },
  };
}

/** The `{ "String": … }` or `{ "Regex": … }` of a tokenizer file. */
export function compilePattern(value: unknown): Pattern {
  const { String: content, Regex: pattern } = (value ?? {}) as { String?: unknown; Regex?: unknown };
  if (typeof content === 'string') return compileLiteral(content);
  if (typeof pattern === 'string') return compileRegex(pattern);
  throw new TokenizerError('a pattern is neither String nor Regex');
}
