// Reads a pattern in Oniguruma's Ruby syntax. What cannot be said in JavaScript is refused by name.
import { ANY, wordClass } from './character-class.js';
import { readBrackets, readMember } from './class-parser.js';
import { Cursor } from './cursor.js';
import type { GroupName, Node, Repeat, Syntax } from './syntax.js';
import { cluster, clusterBorder, insideCluster } from './text-segment.js';

interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  extended: boolean;
}

/** Repeats beyond this are refused, there too. */
const REPEATS_MAX = 100_000;

export function parse(pattern: string): Syntax {
  const cursor = new Cursor(pattern);
  const groups = new Map<number, Node>();
  const names = new Map<string, number[]>();
  // Where any group has a name, only those that have one are remembered.
  const named = /\(\?<[^=!]|\(\?'/.test(pattern);
  let count = 0;

  const readChoice = (flags: Flags): Node => {
    const current = { ...flags };
    const options: Node[] = [];
    let items: Node[] = [];
    const close = () => {
      options.push(items.length === 1 ? (items[0] as Node) : { kind: 'sequence', items });
      items = [];
    };
    for (let c = cursor.peek(); c !== undefined && c !== ')'; c = cursor.peek()) {
      if (c === '|') {
        cursor.take();
        close();
      } else if (!skipped(current)) {
        const atom = readAtom(current);
        // Flags for the rest of this group: what follows, its alternatives too, is one item here.
        items.push(atom === undefined ? readChoice(current) : readRepeats(atom, current));
      }
    }
    close();
    return options.length === 1 ? (options[0] as Node) : { kind: 'choice', options };
  };

  /** White space and comments of an extended pattern. */
  const skipped = (flags: Flags): boolean =>
    (flags.extended && cursor.match(/^(?:\s+|#[^\n]*\n?)/) !== null) || cursor.match(/^\(\?#[^)]*\)/) !== null;

  const readRepeats = (atom: Node, flags: Flags): Node => {
    let body = atom;
    for (;;) {
      while (skipped(flags));
      const found = cursor.match(/^(?:([*+?])([+?]?)|\{(?=\d|,\d)(\d*)(,?)(\d*)\}(\??))/);
      if (found === null) return body;
      if (body.kind === 'place' || body.kind === 'look' || body.kind === 'keep' || body.kind === 'begin') {
        cursor.fail('a repeat of what has no length');
      }
      const [, sign, mode, low, comma, high, lazy] = found;
      if (sign !== undefined) {
        const how: Repeat = mode === '+' ? 'possessive' : mode === '?' ? 'lazy' : 'greedy';
        body = repeat(body, sign === '+' ? 1 : 0, sign === '?' ? 1 : Number.POSITIVE_INFINITY, how);
        continue;
      }
      const min = Number(low || 0);
      const max = comma === '' ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high);
      if (min > REPEATS_MAX || (Number.isFinite(max) && max > REPEATS_MAX)) cursor.fail(`over ${REPEATS_MAX} repeats`);
      if (max < min) cursor.fail('a repeat whose limits are the wrong way round');
      // There, a fixed count with a question mark is there or not.
      if (lazy === '?' && comma === '') body = repeat(repeat(body, min, max, 'greedy'), 0, 1, 'greedy');
      else body = repeat(body, min, max, lazy === '?' ? 'lazy' : 'greedy');
    }
  };

  /** Undefined after a group that only sets flags for what follows. */
  const readAtom = (flags: Flags): Node | undefined => {
    if (cursor.takes('\\')) return readEscape(flags);
    if (cursor.takes('[')) return readBrackets(cursor, flags.ignoreCase);
    if (cursor.takes('.')) return set(flags.dotAll ? ANY : '[^\\n]');
    if (cursor.takes('^')) return place(`(?:(?<!${ANY})|(?<=\\n)(?=${ANY}))`);
    if (cursor.takes('$')) return place('(?![^\\n])');
    if (cursor.takes('(')) return readGroup(flags);
    if (cursor.match(/^[*+?]/) !== null) cursor.fail('a repeat of nothing');
    return char(cursor.takePoint(), flags);
  };

  const readEscape = (flags: Flags): Node => {
    const member = readMember(cursor, false);
    if (member !== undefined) return 'set' in member ? set(member.set) : char(member.point, flags);
    const c = cursor.peek() as string;
    const digits = cursor.match(/^[1-9]\d*/);
    if (digits !== null) return back(Number(digits[0]), flags);
    const group = cursor.match(/^([kg])(?:<([^>]*)>|'([^']*)')/);
    if (group !== null) {
      const name = groupName(group[2] ?? group[3] ?? '');
      return group[1] === 'k' ? back(name, flags) : { kind: 'call', group: name };
    }
    cursor.take();
    switch (c) {
      case 'b':
        return place(wordBorder(true));
      case 'B':
        return place(wordBorder(false));
      case 'A':
        return place(`(?<!${ANY})`);
      case 'z':
        return place(`(?!${ANY})`);
      case 'Z':
        return place(`(?=\\n?(?!${ANY}))`);
      case 'y':
        return place(clusterBorder());
      case 'Y':
        return place(`(?=${insideCluster()})`);
      case 'X':
        return { kind: 'piece', source: cluster() };
      case 'N':
        return set('[^\\n]');
      case 'O':
        return set(ANY);
      case 'R':
        // A line break is taken whole or not at all.
        return { kind: 'piece', source: '(?:\\r\\n|[\\n\\v\\f\\x85\\u2028\\u2029]|\\r(?!\\n))' };
      case 'K':
        return { kind: 'keep' };
      case 'G':
        return { kind: 'begin' };
      case 'k':
      case 'g':
      case 'M':
      case 'C':
        return cursor.fail(`\\${c} in this form`);
      default:
        cursor.at--;
        return char(cursor.takePoint(), flags);
    }
  };

  const back = (group: GroupName, flags: Flags): Node => {
    if (named && typeof group === 'number') cursor.fail('the number of a group where groups have names');
    return { kind: 'back', group, ignoreCase: flags.ignoreCase };
  };

  /** A name, a number, or a number counted from here. */
  const groupName = (text: string): GroupName => {
    const number = /^([+-]?)(\d+)$/.exec(text);
    if (number === null) return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text) ? text : cursor.fail(`the group name ${text}`);
    const value = Number(number[2]);
    return number[1] === '-' ? count + 1 - value : number[1] === '+' ? count + value : value;
  };

  const readGroup = (flags: Flags): Node | undefined => {
    const body = () => {
      const inner = readChoice(flags);
      if (!cursor.takes(')')) cursor.fail('a group without an end');
      return inner;
    };
    if (cursor.takes('?:')) return body();
    for (const open of ['(?=', '(?!', '(?<=', '(?<!'] as const) {
      if (cursor.takes(open.slice(1))) return { kind: 'look', open, body: body() };
    }
    if (cursor.takes('?>')) return { kind: 'atomic', body: body() };
    const name = cursor.match(/^\?(?:<([\p{L}_][\p{L}\p{N}_]*)>|'([\p{L}_][\p{L}\p{N}_]*)')/u);
    if (name === null && cursor.peek() === '?') return readFlags(flags);
    if (name === null && cursor.peek() === '*') cursor.fail('a callout');
    if (name === null && named) return body();
    const number = ++count;
    if (name !== null) {
      const text = (name[1] ?? name[2]) as string;
      names.set(text, [...(names.get(text) ?? []), number]);
    }
    const node: Node = { kind: 'capture', number, body: body() };
    groups.set(number, node);
    return node;
  };

  const readFlags = (flags: Flags): Node | undefined => {
    const found = cursor.match(/^\?([imx]*)(?:-([imx]*))?([:)])/);
    if (found === null) return cursor.fail(GROUPS[cursor.ahead(1) ?? ''] ?? `the group (?${cursor.ahead(1) ?? ''}`);
    const inner = { ...flags };
    for (const [letters, on] of [
      [found[1], true],
      [found[2], false],
    ] as const) {
      if (letters?.includes('i')) inner.ignoreCase = on;
      if (letters?.includes('m')) inner.dotAll = on;
      if (letters?.includes('x')) inner.extended = on;
    }
    if (found[3] === ')') {
      Object.assign(flags, inner);
      return undefined;
    }
    const node = readChoice(inner);
    if (!cursor.takes(')')) cursor.fail('a group without an end');
    return node;
  };

  const root = readChoice({ ignoreCase: false, dotAll: false, extended: false });
  if (cursor.peek() !== undefined) cursor.fail('an unmatched )');
  return { root, groups, names };
}

/** Groups that say in JavaScript nothing like what they say there. */
const GROUPS: Readonly<Record<string, string>> = {
  '~': 'the absent operator (?~',
  '(': 'a condition (?(',
  '{': 'a callout (?{',
  y: 'text segments by words (?y',
};

function set(source: string): Node {
  return { kind: 'set', source, texts: [] };
}

function place(source: string): Node {
  return { kind: 'place', source };
}

function char(point: number, flags: Flags): Node {
  return { kind: 'char', point, ignoreCase: flags.ignoreCase };
}

function repeat(body: Node, min: number, max: number, how: Repeat): Node {
  return { kind: 'repeat', body, min, max, how };
}

/** Between a word character and none, or where that is not so. */
function wordBorder(border: boolean): string {
  const w = wordClass();
  return border ? `(?:(?<=${w})(?!${w})|(?<!${w})(?=${w}))` : `(?:(?<=${w})(?=${w})|(?<!${w})(?!${w}))`;
}
