/** Errors of a step or an item, saying where in the pipeline they happened; the code stays that of what went wrong. */
import { MeshError } from '../../chassis/errors.js';

export function inStep(name: string, error: MeshError): MeshError {
  return within(`step ${name}`, `steps.${name}`, error);
}

export function inItem(index: number, error: MeshError): MeshError {
  return within(`item ${index}`, `[${index}]`, error);
}

function within(where: string, path: string, error: MeshError): MeshError {
  const violations = error.violations.map(({ field, description }) => ({
    field:
      field.startsWith('steps.') || field.startsWith('input.')
        ? field
        : field.startsWith('[')
          ? `${path}${field}`
          : `${path}.${field}`,
    description,
  }));
  return new MeshError(error.code, `${where}: ${error.message}`, {
    violations,
    facts: error.facts,
    cause: error,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  });
}
