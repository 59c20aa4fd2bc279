/**
 * Expressions and values of a pipeline file. "${...}" alone is a CEL expression with its own type; with text around it, it is
 * a template and makes a string; "$${" stands for "${"; everything else is a literal. A value that reads an input the caller
 * did not give has no value (undefined): the field it was for is left out.
 */
import { type ASTNode, type Environment, EvaluationError, type ParseResult } from '@marcbachmann/cel-js';
import { MeshError } from '../../chassis/errors.js';
import { didYouMean } from '../nearest.js';
import { baseEnvironment, fieldsOf } from './types.js';

/** What an expression reads. */
export interface Reference {
  root: 'input' | 'steps';
  name: string;
  /** True where the expression asks `has(steps.name)` or `has(input.name)` first. */
  guarded: boolean;
  /** Where in the text it stands. */
  offset: number;
}

/** What expressions see when they run. */
export interface Scope {
  input: Record<string, unknown>;
  steps: Record<string, unknown>;
  item?: unknown;
  index?: bigint;
}

/** Anything of a pipeline file that has a value at run time. */
export interface Value {
  /** CEL type. */
  readonly type: string;
  readonly refs: readonly Reference[];
  /** True where it is the same in every run. */
  readonly constant: boolean;
  /** As it was written, for Explain. */
  readonly text: string;
  /** undefined where it reads an input that was not given. Throws a MeshError STEP_FAILED where the expression fails. */
  evaluate(scope: Scope): unknown;
  /** The parsed expression, where it is exactly one. */
  readonly ast?: ASTNode;
}

/** What is wrong with an expression: told at an offset into its text. */
export class ExpressionError extends Error {
  readonly offset: number;
  readonly suggestion: string;
  constructor(message: string, offset: number, suggestion = '') {
    super(message);
    this.offset = offset;
    this.suggestion = suggestion;
  }
}

type Part = { text: string } | { expression: string; offset: number };

/** Splits "a ${b} c"; throws an ExpressionError where a "${" is not closed. */
export function split(text: string): Part[] {
  const parts: Part[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith('$${', at)) {
      literal += '${';
      at += 3;
    } else if (text.startsWith('${', at)) {
      const end = closing(text, at + 2);
      if (end === -1)
        throw new ExpressionError('"${" is never closed', at, 'add "}", or write "$${" for the characters themselves');
      if (literal) parts.push({ text: literal });
      literal = '';
      parts.push({ expression: text.slice(at + 2, end), offset: at + 2 });
      at = end + 1;
    } else literal += text[at++];
  }
  if (literal || parts.length === 0) parts.push({ text: literal });
  return parts;
}

/** Where the "}" of an expression is, strings and inner braces passed over. */
function closing(text: string, from: number): number {
  let depth = 0;
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const character = text[at] as string;
    if (quote) {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '{') depth++;
    else if (character === '}' && depth-- === 0) return at;
  }
  return -1;
}

/** What the expressions of a text read, without knowing any types. */
export function references(text: string): Reference[] {
  const found: Reference[] = [];
  for (const part of split(text)) {
    if ('expression' in part)
      found.push(...collect(parse(baseEnvironment(), part.expression, part.offset).ast, part.offset));
  }
  return found;
}

/** Compiles one string of the file. Throws an ExpressionError. */
export function compileText(env: Environment, text: string): Value {
  const parts = split(text);
  const [first] = parts;
  if (parts.length === 1 && first) {
    if ('text' in first) return { type: 'string', refs: [], constant: true, text, evaluate: () => first.text };
    return compileExpression(env, first.expression, first.offset);
  }
  const values = parts.map((part) => {
    if ('text' in part) return part.text;
    const value = compileExpression(env, part.expression, part.offset);
    if (!PRINTABLE.has(value.type)) {
      throw new ExpressionError(
        `a template takes string, int, double or bool; this is ${value.type}`,
        part.offset,
        'read a field of it',
      );
    }
    return value;
  });
  return {
    type: 'string',
    refs: values.flatMap((value) => (typeof value === 'string' ? [] : value.refs)),
    constant: false,
    text,
    evaluate(scope) {
      let made = '';
      for (const value of values) {
        const piece = typeof value === 'string' ? value : value.evaluate(scope);
        if (piece === undefined) return undefined;
        made += String(piece);
      }
      return made;
    },
  };
}

const PRINTABLE = new Set(['string', 'int', 'double', 'bool', 'dyn']);

function compileExpression(env: Environment, body: string, offset: number): Value {
  const parsed = parse(env, body, offset);
  const checked = parsed.check();
  if (!checked.valid) throw failed(env, checked.error, offset);
  const refs = collect(parsed.ast, offset);
  const inputs = refs.filter(({ root, guarded }) => root === 'input' && !guarded).map(({ name }) => name);
  return {
    type: checked.type ?? 'dyn',
    refs,
    constant: refs.length === 0 && !/\b(item|index)\b/.test(body),
    text: `\${${body}}`,
    ast: parsed.ast,
    evaluate(scope) {
      for (const name of inputs) if (scope.input[name] === undefined) return undefined;
      try {
        return parsed(scope);
      } catch (error) {
        const why = error instanceof EvaluationError ? error.summary : 'could not be computed';
        throw new MeshError('STEP_FAILED', `\${${shorten(body)}}: ${why}`, { cause: error });
      }
    },
  };
}

function parse(env: Environment, body: string, offset: number): ParseResult {
  if (body.trim() === '') throw new ExpressionError('the expression is empty', offset);
  try {
    return env.parse(body);
  } catch (error) {
    throw failed(env, error, offset);
  }
}

function failed(env: Environment, error: unknown, offset: number): ExpressionError {
  const { summary, message, range, code, node } = error as CelFailure;
  const at = offset + (range?.start ?? 0);
  const what = summary ?? message.split('\n')[0] ?? 'is not an expression';
  if (code === 'no_such_key') {
    const key = /: (\w+)$/.exec(what)?.[1] ?? '';
    const type = node?.left?.checkedType?.name ?? '';
    const fields = fieldsOf(env, type);
    if (fields) {
      const known = Object.keys(fields);
      return new ExpressionError(
        `${type} has no field "${key}"`,
        at,
        didYouMean(key, known) || `it has ${known.join(', ')}`,
      );
    }
  }
  const variable = /^Unknown variable: (\w+)/.exec(what)?.[1];
  const suggestion =
    variable === undefined
      ? code === 'no_such_overload'
        ? 'both sides must be of types that go together: convert one with string(), int() or double()'
        : ''
      : variable === 'item' || variable === 'index'
        ? `there is no ${variable} outside an each`
        : didYouMean(variable, ['input', 'steps', 'item', 'index']) ||
          'expressions see input and steps, and inside an each item and index';
  return new ExpressionError(what, at, suggestion);
}

/** What cel-js says of a mistake; `node` is the access that failed, its left side typed already. */
interface CelFailure {
  message: string;
  summary?: string;
  code?: string;
  range?: { start: number };
  node?: { left?: { checkedType?: { name: string } } };
}

/** Every `steps.x` and `input.x` of an expression. The names are told apart by has(); variables of macros may shadow neither. */
function collect(root: ASTNode, offset: number): Reference[] {
  const guards = new Set<string>();
  const found: Reference[] = [];
  const visit = (node: unknown, inHas: boolean): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each, inHas);
      return;
    }
    if (!isNode(node)) return;
    if (node.op === 'id' && (node.args === 'steps' || node.args === 'input')) {
      throw new ExpressionError(`name one of the ${node.args}: ${node.args}.name`, offset + node.range.start);
    }
    const left = node.op === '.' || node.op === '[]' ? node.args[0] : undefined;
    if (left?.op === 'id' && (left.args === 'steps' || left.args === 'input')) {
      const [, right] = node.args as [ASTNode, string | ASTNode];
      const name =
        typeof right === 'string'
          ? right
          : right.op === 'value' && typeof right.args === 'string'
            ? right.args
            : undefined;
      if (name === undefined)
        throw new ExpressionError(`name one of the ${left.args}: ${left.args}.name`, offset + node.range.start);
      if (inHas) guards.add(`${left.args}.${name}`);
      const start = typeof right === 'string' ? node.range.end - right.length : node.range.start;
      found.push({ root: left.args, name, guarded: false, offset: offset + start });
      return;
    }
    visit(node.args, inHas || (node.op === 'call' && node.args[0] === 'has'));
  };
  visit(root, false);
  for (const reference of found) reference.guarded = guards.has(`${reference.root}.${reference.name}`);
  return found;
}

function isNode(node: unknown): node is ASTNode {
  return typeof node === 'object' && node !== null && 'op' in node && 'args' in node;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
