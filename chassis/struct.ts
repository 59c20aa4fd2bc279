/** google.protobuf.Struct, as proto-loader has it, to plain JSON and back, with limits on depth and size. */
import type { Struct, Struct__Output } from '../protos/gen/google/protobuf/Struct.js';
import type { Value, Value__Output } from '../protos/gen/google/protobuf/Value.js';
import { fieldError } from './errors.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Maps and lists inside each other. */
export const STRUCT_DEPTH_MAX = 32;
/** Values of one Struct in all. */
export const STRUCT_VALUES_MAX = 200_000;

export interface StructLimits {
  depthMax: number;
  valuesMax: number;
}

const LIMITS: StructLimits = { depthMax: STRUCT_DEPTH_MAX, valuesMax: STRUCT_VALUES_MAX };

/** For what a gateway answered; its own limits were met before. */
export const UNLIMITED: StructLimits = { depthMax: Number.POSITIVE_INFINITY, valuesMax: Number.POSITIVE_INFINITY };

/** Throws FIELD_INVALID or TOO_MANY_ITEMS at `field` where the limits are passed. */
export function fromStruct(
  struct: Struct__Output | null | undefined,
  field: string,
  { depthMax, valuesMax }: StructLimits = LIMITS,
): Record<string, Json> {
  let count = 0;
  const value = (given: Value__Output, path: string, depth: number): Json => {
    if (depth > depthMax) throw fieldError('FIELD_INVALID', path, `must not be nested deeper than ${depthMax}`);
    if (++count > valuesMax)
      throw fieldError('TOO_MANY_ITEMS', field, `must have at most ${valuesMax} values in all`, {
        limit: String(valuesMax),
      });
    switch (given.kind) {
      case 'numberValue':
        return given.numberValue ?? 0;
      case 'stringValue':
        return given.stringValue ?? '';
      case 'boolValue':
        return given.boolValue ?? false;
      case 'structValue':
        return record(given.structValue, path, depth + 1);
      case 'listValue':
        return (given.listValue?.values ?? []).map((item, index) => value(item, `${path}[${index}]`, depth + 1));
      default:
        return null;
    }
  };
  const record = (given: Struct__Output | null | undefined, path: string, depth: number): Record<string, Json> => {
    const made: Record<string, Json> = Object.create(null) as Record<string, Json>;
    for (const [key, item] of Object.entries(given?.fields ?? {})) made[key] = value(item, `${path}.${key}`, depth);
    return made;
  };
  return record(struct, field, 0);
}

/** A field that is undefined is left out. */
export function toStruct(plain: Readonly<Record<string, Json | undefined>>): Struct {
  const fields: Record<string, Value> = {};
  for (const [key, item] of Object.entries(plain)) if (item !== undefined) fields[key] = toValue(item);
  return { fields };
}

function toValue(plain: Json): Value {
  if (plain === null) return { nullValue: 'NULL_VALUE' };
  switch (typeof plain) {
    case 'number':
      return { numberValue: plain };
    case 'string':
      return { stringValue: plain };
    case 'boolean':
      return { boolValue: plain };
    default:
      return Array.isArray(plain) ? { listValue: { values: plain.map(toValue) } } : { structValue: toStruct(plain) };
  }
}
