/** Where a check stands: the file, the types that expressions see there, and the problems found so far. */
import type { Environment } from '@marcbachmann/cel-js';
import { compileText, ExpressionError, type Value } from './expression.js';
import type { Path, Problem, Source } from './source.js';

export interface Place {
  readonly source: Source;
  readonly env: Environment;
  readonly problems: Problem[];
}

/** Compiles a string of the file; on a mistake reports it and returns undefined. */
export function compileAt(place: Place, text: string, path: Path): Value | undefined {
  try {
    return compileText(place.env, text);
  } catch (error) {
    report(place, path, error);
    return undefined;
  }
}

/** Reports an ExpressionError at its place; anything else is thrown on. */
export function report(place: Pick<Place, 'source' | 'problems'>, path: Path, error: unknown): void {
  if (!(error instanceof ExpressionError)) throw error;
  const { message, offset, suggestion } = error;
  place.problems.push(place.source.problem(path, message, { offset, suggestion }));
}
