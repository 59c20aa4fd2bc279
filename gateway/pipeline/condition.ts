/** Conditions: text that must be one expression that gives a bool. */
import type { Value } from './expression.js';
import { instead } from './instead.js';
import { compileAt, type Place } from './place.js';
import type { Path } from './source.js';

/** undefined where a mistake was reported. */
export function compileCondition(place: Place, text: string, path: Path): Value | undefined {
  const value = compileAt(place, text, path);
  if (!value) return undefined;
  if (!value.ast) {
    place.problems.push(
      place.source.problem(path, 'must be an expression', { suggestion: `write "\${${text.trim()}}"` }),
    );
    return undefined;
  }
  if (value.type !== 'bool' && value.type !== 'dyn') {
    place.problems.push(
      place.source.problem(path, `must be a bool, is ${value.type}`, {
        suggestion: instead(place.env, value, 'bool', text),
      }),
    );
    return undefined;
  }
  return value;
}
