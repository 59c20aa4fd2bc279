/** google.protobuf.Struct as proto-loader has it, to plain JSON values and back. */
import type { ListValue } from '../protos/gen/google/protobuf/ListValue.js';
import type { Struct, Struct__Output } from '../protos/gen/google/protobuf/Struct.js';
import type { Value, Value__Output } from '../protos/gen/google/protobuf/Value.js';

export function toStruct(fields: Record<string, unknown>): Struct {
  return { fields: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, toValue(value)])) };
}

export function fromStruct(struct: Struct__Output | null): Record<string, unknown> {
  return Object.fromEntries(Object.entries(struct?.fields ?? {}).map(([key, value]) => [key, fromValue(value)]));
}

function toValue(value: unknown): Value {
  if (value === null || value === undefined) return { nullValue: 'NULL_VALUE' };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(toValue) } satisfies ListValue };
  return { structValue: toStruct(value as Record<string, unknown>) };
}

function fromValue(value: Value__Output): unknown {
  switch (value.kind) {
    case 'numberValue':
      return value.numberValue;
    case 'stringValue':
      return value.stringValue;
    case 'boolValue':
      return value.boolValue;
    case 'listValue':
      return (value.listValue?.values ?? []).map(fromValue);
    case 'structValue':
      return fromStruct(value.structValue ?? null);
    default:
      return null;
  }
}
