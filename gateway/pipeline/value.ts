/**
 * Values that are not bound to a proto field: outputs, computed steps, the input of another pipeline. Maps and lists of the
 * file may hold expressions at any depth; their CEL type follows from what they hold.
 */
import type { Scope, Value } from './expression.js';
import { compileAt, type Place } from './place.js';
import type { Path } from './source.js';

/** Nesting of maps and lists in one value. */
const DEPTH_MAX = 16;

/** undefined where a mistake was reported. */
export function compileValue(place: Place, data: unknown, path: Path, depth = 0): Value | undefined {
  if (depth > DEPTH_MAX) {
    place.problems.push(place.source.problem(path, `nested deeper than ${DEPTH_MAX}`));
    return undefined;
  }
  if (typeof data === 'string') return compileAt(place, data, path);
  if (typeof data === 'number')
    return Number.isInteger(data) ? literal('int', BigInt(data), data) : literal('double', data, data);
  if (typeof data === 'boolean') return literal('bool', data, data);
  if (data === null || data === undefined) return literal('null', null, null);
  if (Array.isArray(data)) {
    const items = data.map((item, index) => compileValue(place, item, [...path, index], depth + 1));
    return items.every((item) => item !== undefined) ? listOf(items) : undefined;
  }
  if (typeof data === 'object') {
    const entries = Object.entries(data).map(
      ([key, value]) => [key, compileValue(place, value, [...path, key], depth + 1)] as const,
    );
    const values = entries.map(([, value]) => value);
    if (!values.every((value) => value !== undefined)) return undefined;
    return mapOf(entries as [string, Value][]);
  }
  place.problems.push(place.source.problem(path, 'is neither text, number, true, false, null, a list nor a map'));
  return undefined;
}

/** A value known when the file is loaded. */
function literal(type: string, value: unknown, written: unknown): Value {
  return { type, refs: [], constant: true, text: JSON.stringify(written), evaluate: () => value };
}

function listOf(items: readonly Value[]): Value {
  const types = new Set(items.map(({ type }) => type));
  const [only] = types;
  return {
    type: types.size === 1 && only !== undefined ? `list<${only}>` : 'list',
    ...merged(items),
    text: `[${items.map(({ text }) => text).join(', ')}]`,
    evaluate: (scope: Scope) => items.map((item) => item.evaluate(scope)).filter((item) => item !== undefined),
  };
}

function mapOf(entries: readonly [string, Value][]): Value {
  return {
    type: 'map<string, dyn>',
    ...merged(entries.map(([, value]) => value)),
    text: `{${entries.map(([key, { text }]) => `${key}: ${text}`).join(', ')}}`,
    evaluate(scope: Scope) {
      const made: Record<string, unknown> = {};
      for (const [key, value] of entries) {
        const item = value.evaluate(scope);
        if (item !== undefined) made[key] = item;
      }
      return made;
    },
  };
}

function merged(values: readonly Value[]): Pick<Value, 'refs' | 'constant'> {
  return { refs: values.flatMap(({ refs }) => refs), constant: values.every(({ constant }) => constant) };
}

/** True where a value of type `from` can stand where `to` is asked; dyn is checked at run time. */
export function assignable(from: string, to: string): boolean {
  if (from === to || from === 'dyn' || to === 'dyn') return true;
  if (to === 'double' && (from === 'int' || from === 'uint')) return true;
  if (to === 'int' && from === 'uint') return true;
  const fromItem = itemType(from);
  const toItem = itemType(to);
  if (fromItem !== undefined && toItem !== undefined) return /^[A-Z]$/.test(fromItem) || assignable(fromItem, toItem);
  if (from.startsWith('map') && to.startsWith('map')) return true;
  return false;
}

/** "double" of "list<double>", "dyn" of "list"; undefined for what is no list. */
export function itemType(type: string): string | undefined {
  if (type === 'list') return 'dyn';
  return type.startsWith('list<') ? type.slice(5, -1) : undefined;
}

/** CEL has no name for the type of an empty list literal. */
export function celName(type: string): string {
  return /<[A-Z]>|<[A-Z], [A-Z]>/.test(type) ? (type.startsWith('map') ? 'map' : 'list') : type;
}
