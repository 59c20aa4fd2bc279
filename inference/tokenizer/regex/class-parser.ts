// Reads what stands in brackets, and the escapes that mean one character or a set of them.

import { caseVariants, foldClosure } from './case-fold.js';
import { bracketWordClass, digitClass, propertyClass, SPACE, wordClass } from './character-class.js';
import type { Cursor } from './cursor.js';
import type { Node } from './syntax.js';

/** A set as JavaScript, or one character. */
export type Member = { readonly set: string } | { readonly point: number };

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };

/** A character as it may stand anywhere in a JavaScript pattern. */
export function escaped(point: number): string {
  return /[0-9A-Za-z]/.test(String.fromCodePoint(point)) ? String.fromCodePoint(point) : `\\u{${point.toString(16)}}`;
}

/** A backslash has been read. Undefined when the escape is neither a set nor a character; then nothing was taken. */
export function readMember(cursor: Cursor, inBrackets: boolean): Member | undefined {
  const c = cursor.peek();
  if (c === undefined) return cursor.fail('a backslash at its end');
  const set = readSet(c, cursor, inBrackets);
  if (set !== undefined) return { set };
  const control = CONTROLS[c];
  if (control !== undefined) {
    cursor.take();
    return { point: control };
  }
  if (c === 'x') return { point: readHex(cursor) };
  if (c === 'u') return { point: readDigits(cursor, 4) };
  if (c === 'c') {
    cursor.take();
    return { point: readControl(cursor) };
  }
  if (cursor.takes('C-')) return { point: readControl(cursor) };
  if (cursor.takes('o{')) return { point: Number.parseInt(cursor.until('}'), 8) };
  if (c === '0' || (inBrackets && /[1-7]/.test(c))) {
    const digits = cursor.match(/^[0-7]{1,3}/)?.[0] as string;
    return { point: Number.parseInt(digits, 8) };
  }
  if (inBrackets && c === 'b') {
    cursor.take();
    return { point: 8 };
  }
  return /[A-Za-z1-9]/.test(c) ? undefined : { point: cursor.takePoint() };
}

function readSet(c: string, cursor: Cursor, inBrackets: boolean): string | undefined {
  const simple = simpleSet(c, inBrackets);
  if (simple !== undefined) {
    cursor.take();
    return simple;
  }
  if ((c !== 'p' && c !== 'P') || cursor.ahead(1) !== '{') return undefined;
  cursor.take();
  cursor.take();
  const name = cursor.until('}');
  return propertyClass(name, c === 'P') ?? cursor.fail(`a character property that is not known here: ${name}`);
}

function simpleSet(c: string, inBrackets: boolean): string | undefined {
  switch (c) {
    case 'w':
      return inBrackets ? `[${bracketWordClass()}]` : wordClass();
    case 'W':
      return inBrackets ? `[^${bracketWordClass()}]` : `[^${wordClass()}]`;
    case 'd':
      return digitClass(false);
    case 'D':
      return digitClass(true);
    case 's':
      return `[${SPACE}]`;
    case 'S':
      return `[^${SPACE}]`;
    case 'h':
      return '[0-9A-Fa-f]';
    case 'H':
      return '[^0-9A-Fa-f]';
    default:
      return undefined;
  }
}

/** \x{e9}, or \x with two digits; those from 80 on are bytes of UTF-8, which must make a whole character. */
function readHex(cursor: Cursor): number {
  if (cursor.takes('x{')) return Number.parseInt(cursor.until('}'), 16);
  const first = readDigits(cursor, 2);
  if (first < 0x80) return first;
  const bytes = [first];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  while (bytes.length < length && cursor.takes('\\')) bytes.push(readDigits(cursor, 2));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes)).codePointAt(0) as number;
  } catch {
    return cursor.fail('bytes that are no character');
  }
}

/** The letter x or u, and at most so many digits. */
function readDigits(cursor: Cursor, most: number): number {
  cursor.take();
  const digits = cursor.match(new RegExp(`^[0-9A-Fa-f]{1,${most}}`))?.[0] ?? '';
  if (most === 4 && digits.length < 4) cursor.fail('\\u without four digits');
  return Number.parseInt(digits || '0', 16);
}

function readControl(cursor: Cursor): number {
  return cursor.takePoint() & 0x1f;
}

/** An opening bracket has been read. */
export function readBrackets(cursor: Cursor, ignoreCase: boolean): Node {
  const { negated, body } = readBody(cursor);
  if (!ignoreCase) return { kind: 'set', source: `[${negated ? '^' : ''}${body}]`, texts: [] };
  const inside = new RegExp(`^[${body}]$`, 'v');
  const closure = foldClosure((point) => inside.test(String.fromCodePoint(point)));
  const more = closure.points.map(escaped).join('');
  return { kind: 'set', source: `[${negated ? '^' : ''}[${body}]${more}]`, texts: negated ? [] : closure.texts };
}

function readBody(cursor: Cursor): { negated: boolean; body: string } {
  const negated = cursor.takes('^');
  const operands: string[] = [];
  let items: string[] = [];
  let first = true;
  for (;;) {
    if (cursor.peek() === undefined) cursor.fail('brackets without an end');
    if (!first && cursor.takes(']')) break;
    first = false;
    if (cursor.takes('&&')) {
      operands.push(`[${items.join('')}]`);
      items = [];
    } else items.push(readItem(cursor));
  }
  const last = items.join('');
  return { negated, body: operands.length === 0 ? last : [...operands, `[${last}]`].join('&&') };
}

function readItem(cursor: Cursor): string {
  const posix = cursor.match(/^\[:(\^?)(\w+):\]/);
  if (posix !== null) {
    const [, not, name] = posix as unknown as [string, string, string];
    return propertyClass(name, not === '^') ?? cursor.fail(`[:${name}:], which is not known`);
  }
  if (cursor.takes('[')) {
    const { negated, body } = readBody(cursor);
    return `[${negated ? '^' : ''}${body}]`;
  }
  const low = readOne(cursor);
  if ('set' in low) return low.set;
  if (cursor.peek() !== '-' || cursor.ahead(1) === ']' || cursor.ahead(1) === undefined) return escaped(low.point);
  cursor.take();
  const high = cursor.peek() === '[' ? cursor.fail('a range without an end') : readOne(cursor);
  if ('set' in high) return cursor.fail('a range that ends in a set');
  if (high.point < low.point) return cursor.fail('a range that ends before it begins');
  return `${escaped(low.point)}-${escaped(high.point)}`;
}

function readOne(cursor: Cursor): Member {
  if (!cursor.takes('\\')) return { point: cursor.takePoint() };
  return readMember(cursor, true) ?? { point: cursor.takePoint() };
}

/** One character, or all that are the same when case is ignored. */
export function variantsClass(point: number): string {
  const variants = caseVariants(point);
  return variants.length === 1 ? escaped(point) : `[${variants.map(escaped).join('')}]`;
}
