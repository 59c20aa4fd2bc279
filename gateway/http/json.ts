/**
 * JSON bodies to messages and back, by the proto3 JSON mapping: lowerCamelCase out, lowerCamelCase or the proto's own names in.
 * A body is checked field by field before it is converted, so that every mistake names its field as the proto has it and
 * suggests the nearest one. Nothing of a body is ever repeated in a message beyond a short value.
 */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { descriptors } from '../../chassis/descriptors.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import { shortenFloats } from '../float.js';
import { didYouMean } from '../nearest.js';
import { findJsonError } from './json-place.js';

/** Maps and lists inside each other. */
const DEPTH_MAX = 64;

/** The body as JSON; an empty one is {}. Throws TEXT_NOT_UTF8 or MESSAGE_INVALID with line and column. */
export function parseBody(body: Buffer | undefined): JsonValue {
  if (!body || body.length === 0) return {};
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new MeshError('TEXT_NOT_UTF8', 'the body is not valid UTF-8; encode it as UTF-8 before sending');
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    const place = findJsonError(text);
    const where = place
      ? `line ${place.line}, column ${place.column}: expected ${place.expected}`
      : 'it is nested too deep';
    throw new MeshError('MESSAGE_INVALID', `the body is not JSON: ${where}`);
  }
}

/** The bytes of a message. Throws FIELD_UNKNOWN, FIELD_INVALID, TEXT_NOT_UTF8 or MESSAGE_INVALID. */
export function toMessageBytes(desc: DescMessage, json: JsonValue): Buffer {
  if (!isObject(json))
    throw new MeshError(
      'MESSAGE_INVALID',
      `the body must be a JSON object with the fields of ${desc.name}, is ${describe(json)}`,
    );
  checkMessage(desc, json, '', 0);
  let message: Message;
  try {
    message = fromJson(desc, json, { registry: descriptors() });
  } catch (error) {
    throw new MeshError('MESSAGE_INVALID', `the body is not a ${desc.name} in JSON`, { cause: error });
  }
  return Buffer.from(toBinary(desc, message));
}

/** A message as JSON text, its floats shortened in place. */
export function toJsonText(desc: DescMessage, message: Message): string {
  shortenFloats(desc, message);
  return JSON.stringify(toJson(desc, message, { registry: descriptors() }));
}

function checkMessage(desc: DescMessage, json: { [key: string]: JsonValue }, path: string, depth: number): void {
  const chosen = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    const field = desc.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (!field) {
      const names = desc.fields.map(({ name }) => name);
      const shown = key.length > 60 ? `${key.slice(0, 57)}...` : key;
      throw fieldError(
        'FIELD_UNKNOWN',
        join(path, shown),
        `${desc.name} has no such field; ${didYouMean(key, names) || `it has ${names.join(', ') || 'none'}`}`,
      );
    }
    const at = join(path, field.name);
    if (value === null) continue; // as absent, says proto3 JSON
    if (field.oneof) {
      const other = chosen.get(field.oneof.name);
      if (other !== undefined)
        throw fieldError('FIELD_INVALID', at, `only one of ${other} and ${field.name} can be set`);
      chosen.set(field.oneof.name, field.name);
    }
    if (field.fieldKind === 'list') {
      if (!Array.isArray(value)) throw fieldError('FIELD_INVALID', at, `must be a list, is ${describe(value)}`);
      for (let index = 0; index < value.length; index++)
        checkOne(field, value[index] as JsonValue, `${at}[${index}]`, depth);
    } else if (field.fieldKind === 'map') {
      if (!isObject(value)) throw fieldError('FIELD_INVALID', at, `must be an object, is ${describe(value)}`);
    } else checkOne(field, value, at, depth);
  }
}

function checkOne(field: DescField, value: JsonValue, path: string, depth: number): void {
  const refuse = (allowed: string): MeshError =>
    fieldError('FIELD_INVALID', path, `must be ${allowed}, is ${describe(value)}`);
  if (field.message) {
    if (field.message.typeName.startsWith('google.protobuf.')) checkFree(value, path, depth + 1);
    else if (isObject(value)) checkMessage(field.message, value, path, depth + 1);
    else throw refuse('an object');
    return;
  }
  if (field.enum) {
    const names = field.enum.values.map(({ name }) => name);
    if (typeof value === 'number' && field.enum.value[value]) return;
    if (typeof value === 'string' && names.includes(value)) return;
    throw fieldError('FIELD_INVALID', path, `must be one of ${names.join(', ')}, is ${describe(value)}`);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      if (typeof value !== 'string') throw refuse('a string');
      // A lone half of a surrogate pair has no UTF-8 form.
      if (LONE_SURROGATE.test(value)) throw fieldError('TEXT_NOT_UTF8', path, HALF);
      return;
    case ScalarType.BOOL:
      if (typeof value !== 'boolean') throw refuse('true or false');
      return;
    case ScalarType.BYTES:
      if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw refuse('base64');
      return;
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE: {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const special = value === 'NaN' || value === 'Infinity' || value === '-Infinity'; // left to the service, which refuses it by its own name
      if (
        special ||
        (typeof number === 'number' &&
          Number.isFinite(number) &&
          (field.scalar === ScalarType.DOUBLE || Math.abs(number) <= FLOAT_MAX))
      )
        return;
      throw refuse('a number');
    }
    default:
      checkInteger(field.scalar, value, refuse);
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const HALF = 'has half of a surrogate pair, which is no character; send whole characters';
const FLOAT_MAX = 3.4028234663852886e38;

function checkInteger(scalar: ScalarType | undefined, value: JsonValue, refuse: (allowed: string) => MeshError): void {
  const is64 =
    scalar !== undefined &&
    [ScalarType.INT64, ScalarType.UINT64, ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.SINT64].includes(scalar);
  const unsigned =
    scalar !== undefined &&
    [ScalarType.UINT32, ScalarType.FIXED32, ScalarType.UINT64, ScalarType.FIXED64].includes(scalar);
  const bits = is64 ? 64n : 32n;
  const min = unsigned ? 0n : -(1n << (bits - 1n));
  const max = unsigned ? (1n << bits) - 1n : (1n << (bits - 1n)) - 1n;
  const whole =
    (typeof value === 'number' && Number.isInteger(value)) || (typeof value === 'string' && /^-?\d{1,20}$/.test(value));
  if (!whole || BigInt(value as number | string) < min || BigInt(value as number | string) > max)
    throw refuse(`a whole number from ${min} to ${max}`);
}

/** Any JSON (a Struct): only its depth and its strings matter. */
function checkFree(value: JsonValue, path: string, depth: number): void {
  const wrong = findWrong(value, depth);
  if (!wrong) return;
  if (wrong.deep) throw fieldError('FIELD_INVALID', path, `must not be nested deeper than ${DEPTH_MAX}`);
  const field = `${path}${wrong.path}`;
  throw fieldError('TEXT_NOT_UTF8', field, HALF);
}

/** Paths are put together on the way back only: a Struct may have a hundred thousand values, all of them right. */
function findWrong(value: JsonValue, depth: number): { path: string; deep: boolean } | undefined {
  if (typeof value === 'string') return LONE_SURROGATE.test(value) ? { path: '', deep: false } : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= DEPTH_MAX) return { path: '', deep: true };
  for (const key in value) {
    const found = findWrong((value as { [key: string]: JsonValue })[key] ?? null, depth + 1);
    if (found) return { ...found, path: `${Array.isArray(value) ? `[${key}]` : `.${key}`}${found.path}` };
  }
  return undefined;
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

function describe(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return value.length > 40 ? 'a string' : `the string "${value}"`;
  return `${value}`;
}
