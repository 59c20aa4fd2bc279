// Writes a pattern as JavaScript for the flag v. Atomic groups and possessive repeats become a lookahead and a reference
// to what it found; groups are kept only where something refers to them; \K is an empty group whose place is read later.

import { longFold, shortFolds } from './case-fold.js';
import { escaped, variantsClass } from './class-parser.js';
import { isEmptyLast, mayBeEmpty } from './emptiness.js';
import { groupNumber, partsOf, referredGroups } from './references.js';
import type { Fail, Node, Syntax } from './syntax.js';

export interface Translation {
  readonly source: string;
  /** Matches begin where the last one ended: \G. */
  readonly sticky: boolean;
  /** Names of the empty groups that stand for \K. */
  readonly keeps: readonly string[];
}

interface Around {
  readonly inLookbehind: boolean;
  readonly inLook: boolean;
  readonly inRepeat: boolean;
  /** Groups being written, outermost first. */
  readonly open: readonly number[];
}

/** Letters of one text that stand for others together, as ss does for ß; each doubles what is written. */
const LONG_FOLDS_MAX = 8;

export function translate(syntax: Syntax, fail: Fail): Translation {
  const referred = referredGroups(syntax, fail);
  const keeps: string[] = [];
  let atomics = 0;

  const write = (node: Node, around: Around): string => {
    switch (node.kind) {
      case 'char':
        return node.ignoreCase ? writeFolded([node.point]) : escaped(node.point);
      case 'set':
        return node.texts.length === 0
          ? node.source
          : `(?:${[node.source, ...node.texts.map(writeVariants)].join('|')})`;
      case 'piece':
        if (around.inLookbehind) return fail('a line break or a grapheme cluster inside a lookbehind');
        return node.source;
      case 'place':
        return node.source;
      case 'sequence':
        return writeSequence(node.items, around);
      case 'choice':
        return `(?:${node.options.map((option) => write(option, around)).join('|')})`;
      case 'repeat':
        return writeRepeat(node, around);
      case 'capture': {
        const body = write(node.body, { ...around, open: [...around.open, node.number] });
        return referred.has(node.number) ? `(?<g${node.number}>${body})` : `(?:${body})`;
      }
      case 'look': {
        const inLookbehind = around.inLookbehind || node.open.startsWith('(?<');
        return `${node.open}${write(node.body, { ...around, inLook: true, inLookbehind })})`;
      }
      case 'atomic':
        return writeAtomic(write(node.body, around), around);
      case 'back':
        if (node.ignoreCase) return fail('a reference that ignores case');
        if (around.inLookbehind) return fail('a reference inside a lookbehind');
        return `\\k<g${groupNumber(syntax, node.group, fail)}>`;
      case 'call':
        return writeCall(groupNumber(syntax, node.group, fail), around);
      case 'keep':
        if (around.inLook || around.inRepeat) return fail('\\K inside a repeat or a condition');
        keeps.push(`keep${keeps.length}`);
        return `(?<${keeps.at(-1)}>)`;
      case 'begin':
        return '';
    }
  };

  const writeSequence = (items: readonly Node[], around: Around): string => {
    let source = '';
    let run: number[] = [];
    const flush = () => {
      source += writeFolded(run);
      run = [];
    };
    for (const item of items) {
      if (item.kind === 'char' && item.ignoreCase) run.push(item.point);
      else {
        flush();
        source += write(item, around);
      }
    }
    flush();
    return source;
  };

  const writeRepeat = (node: Node & { kind: 'repeat' }, around: Around): string => {
    const { body, how, max, min } = node;
    if (!(min === 1 && max === 1) && mayBeEmpty(body) && !isEmptyLast(body)) {
      return fail('a repeat of what may match nothing before it tries the rest');
    }
    const inner = write(body, { ...around, inRepeat: true });
    const atom = body.kind === 'set' && body.texts.length === 0 ? inner : `(?:${inner})`;
    const limit = max === Number.POSITIVE_INFINITY ? '' : max;
    const repeat = `${atom}{${min},${limit}}${how === 'lazy' ? '?' : ''}`;
    return how === 'possessive' ? writeAtomic(repeat, around) : repeat;
  };

  const writeAtomic = (body: string, around: Around): string => {
    if (around.inLookbehind) return fail('an atomic group or possessive repeat inside a lookbehind');
    const name = `atomic${atomics++}`;
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`;
  };

  const writeCall = (number: number, around: Around): string => {
    if (around.open.includes(number)) return fail('a group that calls itself');
    const group = syntax.groups.get(number) as Node;
    const inside = (node: Node): boolean =>
      (node.kind === 'capture' && referred.has(node.number)) || partsOf(node).some(inside);
    if (inside(group)) return fail('a call of a group that is also referred to');
    return write(group, around);
  };

  const writeVariants = (points: readonly number[]): string => points.map(variantsClass).join('');

  /** Characters in a row of which case is ignored. */
  const writeFolded = (points: readonly number[]): string => {
    let doubled = 0;
    const from = (at: number): string => {
      if (at === points.length) return '';
      const short = [3, 2]
        .filter((length) => at + length <= points.length)
        .map((length) => ({ length, points: shortFolds(points.slice(at, at + length)) }))
        .filter((fold) => fold.points.length > 0);
      const own = writeOne(points[at] as number) + from(at + 1);
      if (short.length === 0) return own;
      if (++doubled > LONG_FOLDS_MAX) fail('too many letters that stand for others together when case is ignored');
      const others = short.map((fold) => `[${fold.points.map(escaped).join('')}]${from(at + fold.length)}`);
      return `(?:${[own, ...others].join('|')})`;
    };
    return from(0);
  };

  const writeOne = (point: number): string => {
    const text = longFold(point);
    if (text === undefined) return variantsClass(point);
    const same = shortFolds(text);
    return `(?:${variantsClass(point)}|[${same.map(escaped).join('')}]|${writeVariants(text)})`;
  };

  const sticky = checkBegins(syntax.root, fail);
  const source = write(syntax.root, { inLookbehind: false, inLook: false, inRepeat: false, open: [] });
  return { source, sticky, keeps };
}

/** Whether every match must begin with \G; it fails where only some do, or where \G stands inside. */
function checkBegins(root: Node, fail: Fail): boolean {
  const count = (node: Node): number =>
    (node.kind === 'begin' ? 1 : 0) + partsOf(node).reduce((sum, part) => sum + count(part), 0);
  /** How many \G lead all ways through the part; 0 where a way begins otherwise. */
  const leading = (node: Node): number => {
    switch (node.kind) {
      case 'begin':
        return 1;
      case 'sequence':
        return node.items[0] === undefined ? 0 : leading(node.items[0]);
      case 'choice': {
        const each = node.options.map(leading);
        return each.every((n) => n > 0) ? each.reduce((sum, n) => sum + n, 0) : 0;
      }
      case 'capture':
      case 'atomic':
        return leading(node.body);
      default:
        return 0;
    }
  };
  const all = count(root);
  if (all > 0 && leading(root) !== all) fail('\\G anywhere but at the beginning');
  return all > 0;
}
