/**
 * CEL values as plain JSON: what a pipeline answers. Messages are written as proto3 JSON (lowerCamelCase,
 * fields at their default included), bytes as base64.
 */
import { toJson } from '@bufbuild/protobuf';
import { descriptors } from '../../chassis/descriptors.js';
import type { Json } from '../../chassis/struct.js';
import { CelMessage } from './types.js';

export function toPlain(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null; // JSON has no NaN
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof CelMessage)
    return toJson(value.desc, value.source, { registry: descriptors(), alwaysEmitImplicit: true }) as Json;
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map || value instanceof Set)
    return toPlain(value instanceof Map ? Object.fromEntries(value) : [...value]);
  if (typeof value === 'object') {
    const made: { [key: string]: Json } = {};
    for (const [key, item] of Object.entries(value)) if (item !== undefined) made[key] = toPlain(item);
    return made;
  }
  return String(value);
}
