// Character classes as Oniguruma knows them, written as JavaScript classes for the flag v: Unicode \w \d \s, POSIX
// brackets and properties, all of them as of Unicode 16, whatever the running Node knows.
import { lazySet, type PointSet } from '../unicode/points.js';
import { ASSIGNED, LETTER, NUMBER, PICTOGRAPHIC, REGEX_WORD } from '../unicode/tables.js';

/** Body of a class: what \s matches. */
export const SPACE = '\\t-\\r\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** Any character at all. */
export const ANY = '[\\s\\S]';
const word = lazySet(REGEX_WORD);
/** Inside brackets, Oniguruma's \w lacks the superscripts and fractions of Latin-1 that it takes elsewhere. */
const BRACKET_ONLY_NOT = '\\xb2\\xb3\\xb9\\xbc-\\xbe';
const letter = lazySet(LETTER);
const number = lazySet(NUMBER);
const assigned = lazySet(ASSIGNED);
const pictographic = lazySet(PICTOGRAPHIC);
/** What became another kind of letter after Unicode 16: it counts as the lower-case letter it was. */
const ONCE_LOWER = '\\u0295';
/** What became a diacritic after Unicode 16. */
const NEWER_DIACRITICS = '\\u05a2\\u05c5\\u05c7\\u1d9b-\\u1dbe';

/** Body of a class for a set, to stand inside brackets. */
export function bodyOf(set: Pick<PointSet, 'ranges'>): string {
  const { ranges } = set;
  let body = '';
  for (let i = 0; i < ranges.length; i += 2) {
    const low = ranges[i] as number;
    const high = (ranges[i + 1] as number) - 1;
    body += low === high ? `\\u{${low.toString(16)}}` : `\\u{${low.toString(16)}}-\\u{${high.toString(16)}}`;
  }
  return body;
}

/** \w outside brackets, and as Unicode says. */
export function wordClass(): string {
  return `[${cached('w', word)}]`;
}

/** Body of a class: \w inside brackets. */
export function bracketWordClass(): string {
  return `[${cached('w', word)}]--[${BRACKET_ONLY_NOT}]`;
}

export function digitClass(negated: boolean): string {
  return withinUnicode16('\\p{Nd}', negated);
}

/** Body of a class: \p{Extended_Pictographic}. */
export function pictographicClass(): string {
  return cached('pictographic', pictographic);
}

/** Whether the engine we follow knows the character at all. */
export function isAssigned(point: number): boolean {
  return assigned().has(point);
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
  print: '[^\\p{Cc}\\p{Cn}\\p{Cs}\\u2028\\u2029]',
  punct: '[\\p{P}\\p{S}]',
  space: `[${SPACE}]`,
  upper: '\\p{Uppercase}',
  xdigit: '[0-9A-Fa-f]',
  assigned: '\\P{Cn}',
};

/** The long names of categories, to the short ones in lower case. */
const SHORT: Readonly<Record<string, string>> = {
  other: 'c',
  control: 'cc',
  format: 'cf',
  unassigned: 'cn',
  privateuse: 'co',
  surrogate: 'cs',
  letter: 'l',
  casedletter: 'lc',
  lowercaseletter: 'll',
  modifierletter: 'lm',
  otherletter: 'lo',
  titlecaseletter: 'lt',
  uppercaseletter: 'lu',
  mark: 'm',
  spacingmark: 'mc',
  enclosingmark: 'me',
  nonspacingmark: 'mn',
  number: 'n',
  decimalnumber: 'nd',
  letternumber: 'nl',
  othernumber: 'no',
  punctuation: 'p',
  connectorpunctuation: 'pc',
  dashpunctuation: 'pd',
  closepunctuation: 'pe',
  finalpunctuation: 'pf',
  initialpunctuation: 'pi',
  otherpunctuation: 'po',
  openpunctuation: 'ps',
  symbol: 's',
  currencysymbol: 'sc',
  modifiersymbol: 'sk',
  mathsymbol: 'sm',
  othersymbol: 'so',
  separator: 'z',
  lineseparator: 'zl',
  paragraphseparator: 'zp',
  spaceseparator: 'zs',
};

/** Old names under which a property has other members now: what to make of them; by plain name. */
const CHANGED: Readonly<Record<string, string>> = {
  ll: `[\\p{Ll}${ONCE_LOWER}]`,
  lo: `[\\p{Lo}--[${ONCE_LOWER}]]`,
  lc: `[\\p{LC}${ONCE_LOWER}]`,
  cased: `[\\p{Cased}${ONCE_LOWER}]`,
  lower: `[\\p{Lowercase}${ONCE_LOWER}]`,
  lowercase: `[\\p{Lowercase}${ONCE_LOWER}]`,
  diacritic: `[\\p{Diacritic}--[${NEWER_DIACRITICS}]]`,
};

/** Properties that unassigned characters have too. */
const UNASSIGNED_TOO: Readonly<Record<string, string>> = {
  any: ANY,
  noncharactercodepoint: '\\p{Noncharacter_Code_Point}',
  defaultignorablecodepoint: '\\p{Default_Ignorable_Code_Point}',
  patternsyntax: '\\p{Pattern_Syntax}',
};

/** The class of \p{name}; undefined when there is no property of that name. */
export function propertyClass(name: string, negated: boolean): string | undefined {
  let plain = name.toLowerCase().replace(/[\s_-]/g, '');
  let not = negated;
  if (plain.startsWith('^')) {
    not = !not;
    plain = plain.slice(1);
  }
  const whole = wholeClass(plain);
  if (whole !== undefined) return not ? `[^${whole}]` : `[${whole}]`;
  const short = SHORT[plain] ?? plain;
  const named = POSIX[plain] ?? CHANGED[short] ?? scriptOrCategory(short, name);
  return named === undefined ? undefined : withinUnicode16(named, not);
}

/** Bodies of classes that do not depend on the Unicode of the running Node. */
function wholeClass(plain: string): string | undefined {
  switch (plain) {
    case 'l':
    case 'letter':
      return cached('L', letter);
    case 'n':
    case 'number':
      return cached('N', number);
    case 'word':
    case 'w':
      return bracketWordClass();
    case 'extendedpictographic':
      return pictographicClass();
    case 'unknown':
      return `[^${cached('assigned', assigned)}]\\p{Co}`;
    default:
      return UNASSIGNED_TOO[plain];
  }
}

function scriptOrCategory(plain: string, name: string): string | undefined {
  const short = plain.length <= 2 ? plain[0]?.toUpperCase() + plain.slice(1) : undefined;
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
  return undefined;
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
