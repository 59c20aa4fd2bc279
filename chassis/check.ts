/**
 * Checks of request fields. Each throws a MeshError that names the field as the proto has it, what is allowed and what was
 * given. proto-loader hands out NaN and Infinity as they come, so every number is checked for being finite.
 */
import { type ErrorCode, fieldError } from './errors.js';

/** Items of a list field of one request. */
export const ITEMS_MAX = 1_024;
/** UTF-16 code units of one text. */
export const TEXT_MAX = 2_000_000;

export function required(field: string, value: string): string {
  if (value === '') throw fieldError('FIELD_REQUIRED', field, 'must be given');
  return value;
}

/** A list of texts: 1 to `max`, none beyond TEXT_MAX. Empty texts are texts. */
export function texts(field: string, values: readonly string[], max = ITEMS_MAX): readonly string[] {
  items(field, values, max);
  for (let index = 0; index < values.length; index++) textLength(`${field}[${index}]`, values[index] as string);
  return values;
}

export function items<T>(field: string, values: readonly T[], max = ITEMS_MAX): readonly T[] {
  if (values.length === 0) throw fieldError('FIELD_REQUIRED', field, `must have 1 to ${max} items, has none`);
  if (values.length > max) {
    throw fieldError(
      'TOO_MANY_ITEMS',
      field,
      `must have at most ${max} items, has ${values.length}; split the request`,
      { limit: String(max) },
    );
  }
  return values;
}

export function textLength(field: string, value: string, max = TEXT_MAX): string {
  if (value.length > max) {
    throw fieldError(
      'TEXT_TOO_LONG',
      field,
      `must be at most ${max} characters, has ${value.length}; send it in pieces (Tokenize.Chunk splits a text)`,
      { limit: String(max) },
    );
  }
  return value;
}

/** A finite number between the bounds, both included. */
export function range(field: string, value: number, min: number, max: number): number {
  if (!Number.isFinite(value) || value < min || value > max)
    throw invalid(field, `must be a number from ${min} to ${max}, is ${value}`);
  return value;
}

export function invalid(field: string, description: string, code: ErrorCode = 'FIELD_INVALID'): Error {
  return fieldError(code, field, description);
}
