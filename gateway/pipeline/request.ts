/**
 * `with:` to the bytes of a request. Every field is checked against the proto when the file is loaded: name, type, literals,
 * required ones. At run time values become a message; a field that is taken unchanged from an earlier answer is moved as
 * bytes, neither decoded nor encoded.
 */
import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary } from '@bufbuild/protobuf';
import { fieldError, type MeshError } from '../../chassis/errors.js';
import { didYouMean } from '../nearest.js';
import type { Reference, Scope, Value } from './expression.js';
import { instead, literalInstead } from './instead.js';
import { compileAt, type Place } from './place.js';
import { type Path, printPath } from './source.js';
import { CelMessage, celItemTypeOf, celTypeOf } from './types.js';
import { assignable } from './value.js';
import { lengthDelimited, retag } from './wire.js';

/**
 * Fields that a request must have, by message: the protos say it in words only ("1 to 1024 texts"). A test compares the
 * names with the protos.
 */
export const REQUIRED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  'plexus.v1.EncodeRequest': ['texts'],
  'plexus.v1.DecodeRequest': ['sequences'],
  'plexus.v1.CountRequest': ['texts'],
  'plexus.v1.ChunkRequest': ['text'],
  'plexus.v1.EmbedRequest': ['texts'],
  'plexus.v1.EmbedTokensRequest': ['texts'],
  'plexus.v1.EmbedSparseRequest': ['texts'],
  'plexus.v1.SimilarityRequest': ['source', 'texts'],
  'plexus.v1.ClassifyRequest': ['texts'],
  'plexus.v1.ClassifyPairsRequest': ['pairs'],
  'plexus.v1.RerankRequest': ['query', 'texts'],
  'plexus.v1.ClassifyTokensRequest': ['texts'],
  'plexus.v1.ZeroShotRequest': ['texts', 'labels'],
  'plexus.v1.InferRequest': ['inputs'],
  'plexus.v1.SummarizeRequest': ['texts'],
  'plexus.v1.SummarizeStreamRequest': ['text'],
};

export interface RequestBuilder {
  readonly refs: readonly Reference[];
  /** Each field as it was written, for Explain. */
  readonly fields: Readonly<Record<string, string>>;
  /** Fields that are moved as bytes. */
  readonly moved: readonly string[];
  /** `model` stands in for the request's own. Throws a MeshError that names the field. */
  build(scope: Scope, model?: string): { bytes: Buffer; model: string };
}

/** A field on its way into a message: undefined leaves it out. */
type Producer = (scope: Scope) => unknown;

/** What `steps.x` is where it is one answer: moving its fields needs its type. */
export type AnswerTypes = (step: string) => DescMessage | undefined;

export function compileRequest(
  place: Place,
  desc: DescMessage,
  data: Record<string, unknown>,
  path: Path,
  answers: AnswerTypes,
): RequestBuilder {
  const values: Value[] = [];
  const moves: { field: DescField; step: string; from: DescField }[] = [];
  const kept: Record<string, unknown> = {};
  const fields: Record<string, string> = {};
  for (const [key, given] of Object.entries(data)) {
    const field = desc.fields.find(({ name }) => name === key);
    const move = field && typeof given === 'string' ? movable(place, field, given, answers) : undefined;
    if (field && move) {
      moves.push({ field, ...move });
      values.push(move.value);
    } else kept[key] = given;
  }
  const make = compileMessage(place, desc, kept, path, (value) => values.push(value));
  for (const [key, given] of Object.entries(data))
    fields[key] = typeof given === 'string' ? given : JSON.stringify(given);
  for (const name of REQUIRED_FIELDS[desc.typeName] ?? []) {
    if (data[name] === undefined) {
      const type = desc.field[name] ? celTypeOf(desc.field[name]) : '';
      place.problems.push(
        place.source.problem(path, `${desc.name} needs the field "${name}" (${type})`, {
          key: true,
          suggestion: `add ${name}: under with`,
        }),
      );
    }
  }
  const modelField = desc.fields.find(({ name }) => name === 'model');
  return {
    refs: values.flatMap(({ refs }) => refs),
    fields,
    moved: moves.map(({ field }) => field.name),
    build(scope, model) {
      const message = make(scope) as Message & { model?: string };
      if (model !== undefined) message.model = model;
      const pieces: Uint8Array[] = [toBinary(desc, message)];
      let modelName = message.model ?? '';
      for (const { field, step, from } of moves) {
        const answer = scope.steps[step];
        if (!(answer instanceof CelMessage)) continue;
        if (field === modelField) {
          if (model === undefined) {
            modelName = String((answer.source as unknown as Record<string, unknown>)[from.localName] ?? '');
            pieces.push(...lengthDelimited(field.number, Buffer.from(modelName)));
          }
        } else pieces.push(...retag(answer.bytes ?? toBinary(answer.desc, answer.source), from.number, field.number));
      }
      return { bytes: Buffer.concat(pieces), model: modelName };
    },
  };
}

/** `${steps.x.field}` of the very type the target has. */
function movable(
  place: Place,
  field: DescField,
  text: string,
  answers: AnswerTypes,
): { value: Value; step: string; from: DescField } | undefined {
  const match = /^\$\{\s*steps\.([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)\s*\}$/.exec(text);
  const from = match ? answers(match[1] as string)?.fields.find(({ name }) => name === match[2]) : undefined;
  if (!match || !from || !sameWire(field, from)) return undefined;
  const quiet: Place = { ...place, problems: [] };
  const value = compileAt(quiet, text, []);
  return value && { value, step: match[1] as string, from };
}

function sameWire(a: DescField, b: DescField): boolean {
  if (a.fieldKind !== b.fieldKind || a.fieldKind === 'map' || celTypeOf(a) === 'dyn') return false;
  return a.scalar === b.scalar && a.enum?.typeName === b.enum?.typeName && a.message?.typeName === b.message?.typeName;
}

/** A message that is the same in every run: for constant fallbacks. undefined where a mistake was reported. */
export function compileMessageValue(
  place: Place,
  desc: DescMessage,
  data: Record<string, unknown>,
  path: Path,
): { refs: Reference[]; make(scope: Scope): Message } {
  const values: Value[] = [];
  const make = compileMessage(place, desc, data, path, (value) => values.push(value));
  return { refs: values.flatMap(({ refs }) => refs), make };
}

function compileMessage(
  place: Place,
  desc: DescMessage,
  data: Record<string, unknown>,
  path: Path,
  found: (value: Value) => void,
): (scope: Scope) => Message {
  const producers: { field: DescField; produce: Producer }[] = [];
  const chosen = new Map<string, string>();
  for (const [key, given] of Object.entries(data)) {
    const at = [...path, key];
    const field = desc.fields.find(({ name }) => name === key);
    if (!field) {
      const known = desc.fields.map(({ name }) => name);
      const suggestion = didYouMean(key, known) || `it has ${known.join(', ')}`;
      place.problems.push(place.source.problem(at, `${desc.name} has no field "${key}"`, { key: true, suggestion }));
      continue;
    }
    if (field.oneof) {
      const other = chosen.get(field.oneof.name);
      if (other)
        place.problems.push(
          place.source.problem(at, `only one of ${other} and ${key} can be set`, {
            key: true,
            suggestion: 'take one of them out',
          }),
        );
      chosen.set(field.oneof.name, key);
    }
    const produce = compileField(place, field, given, at, found);
    if (produce) producers.push({ field, produce });
  }
  return (scope) => {
    const init: Record<string, unknown> = {};
    for (const { field, produce } of producers) {
      const value = produce(scope);
      if (value === undefined) continue;
      if (field.oneof) init[field.oneof.localName] = { case: field.localName, value };
      else init[field.localName] = value;
    }
    return create(desc, init);
  };
}

function compileField(
  place: Place,
  field: DescField,
  given: unknown,
  path: Path,
  found: (value: Value) => void,
): Producer | undefined {
  const wrong = problemAt(place, path);
  const type = celTypeOf(field);
  if (field.fieldKind === 'map') return wrong('map fields cannot be set from a pipeline', 'take it out');
  if (typeof given === 'string') {
    const text = compileText(place, given, path, type, found, (result) => toField(field, result, printPath(path)));
    if (text.at !== 'literal') return text.producer;
    given = text.value;
  }
  if (field.fieldKind === 'list') {
    if (!Array.isArray(given)) return wrong(`must be ${type}, is ${describe(given)}`, `write [ ... ] around it`);
    const items = given.map((item, index) => compileItem(place, field, item, [...path, index], found));
    return (scope) => items.map((item) => item?.(scope)).filter((item) => item !== undefined);
  }
  return compileItem(place, field, given, path, found);
}

/** A text in a request: an expression that makes a value of `type` in every run (undefined where it has a mistake), or a literal. */
function compileText(
  place: Place,
  given: string,
  path: Path,
  type: string,
  found: (value: Value) => void,
  convert: (result: unknown) => unknown,
): { at: 'expression'; producer: Producer | undefined } | { at: 'literal'; value: unknown } {
  const value = compileAt(place, given, path);
  if (!value) return { at: 'expression', producer: undefined };
  found(value);
  // A literal; "$${" was made "${".
  if (value.constant && !value.ast) return { at: 'literal', value: value.evaluate({ input: {}, steps: {} }) };
  if (!assignable(value.type, type)) {
    problemAt(place, path)(`must be ${type}, is ${value.type}`, instead(place.env, value, type, given));
    return { at: 'expression', producer: undefined };
  }
  const producer: Producer = (scope) => {
    const result = value.evaluate(scope);
    return result === undefined ? undefined : convert(result);
  };
  return { at: 'expression', producer };
}

/** Reports what is wrong at `path`; returns undefined, as what could not be compiled is. */
function problemAt(place: Place, path: Path): (message: string, suggestion?: string) => undefined {
  return (message, suggestion = '') => {
    place.problems.push(place.source.problem(path, message, { suggestion }));
    return undefined;
  };
}

/** One value: a singular field, or an item of a list. */
function compileItem(
  place: Place,
  field: DescField,
  given: unknown,
  path: Path,
  found: (value: Value) => void,
): Producer | undefined {
  const type = celItemTypeOf(field);
  const wrong = problemAt(place, path);
  if (typeof given === 'string') {
    const text = compileText(place, given, path, type, found, (result) => toItem(field, result, printPath(path)));
    if (text.at !== 'literal') return text.producer;
    given = text.value;
  }
  if (field.message) {
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return wrong(
        `must be ${type}, is ${describe(given)}`,
        `write its fields: ${field.message.fields.map(({ name }) => name).join(', ')}`,
      );
    return compileMessage(place, field.message, given as Record<string, unknown>, path, found);
  }
  try {
    const fixed = toItem(
      field,
      typeof given === 'number' && type === 'int' && Number.isInteger(given) ? BigInt(given) : given,
      '',
    );
    return () => fixed;
  } catch (error) {
    const [violation] = (error as MeshError).violations;
    const names = field.enum?.values.map(({ name }) => name);
    return wrong(
      violation?.description ?? `must be ${type}, is ${describe(given)}`,
      names ? didYouMean(String(given), names) || `write ${names[1] ?? names[0]}` : literalInstead(given, type),
    );
  }
}

function toField(field: DescField, value: unknown, path: string): unknown {
  if (field.fieldKind !== 'list') return toItem(field, value, path);
  if (!Array.isArray(value))
    throw fieldError('FIELD_INVALID', path, `must be ${celTypeOf(field)}, is ${describe(value)}`);
  return value.map((item, index) => toItem(field, item, `${path}[${index}]`));
}

/** A CEL value as the proto field wants it. Throws FIELD_INVALID. */
function toItem(field: DescField, value: unknown, path: string): unknown {
  const refuse = (allowed: string): never => {
    throw fieldError('FIELD_INVALID', path, `must be ${allowed}, is ${describe(value)}`);
  };
  if (field.message)
    return value instanceof CelMessage && value.desc.typeName === field.message.typeName
      ? value.source
      : refuse(field.message.typeName);
  if (field.enum) {
    const found = field.enum.values.find(({ name }) => name === value);
    return found ? found.number : refuse(`one of ${field.enum.values.map(({ name }) => name).join(', ')}`);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return typeof value === 'string' ? value : refuse('string');
    case ScalarType.BOOL:
      return typeof value === 'boolean' ? value : refuse('bool');
    case ScalarType.BYTES:
      return value instanceof Uint8Array ? value : refuse('bytes');
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : refuse('a number');
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return typeof value === 'bigint' ? value : refuse('a whole number');
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return typeof value === 'bigint' && value >= 0n ? value : refuse('a whole number from 0');
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return typeof value === 'bigint' && value >= 0n && value < 2n ** 32n
        ? Number(value)
        : refuse('a whole number from 0 to 4294967295');
    default:
      return typeof value === 'bigint' && value >= -(2n ** 31n) && value < 2n ** 31n
        ? Number(value)
        : refuse('a whole number from -2147483648 to 2147483647');
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof CelMessage) return value.desc.typeName;
  if (typeof value === 'object') return 'a map';
  const text = String(value);
  return `${typeof value === 'bigint' ? 'number' : typeof value} ${text.length > 40 ? `${text.slice(0, 37)}...` : text}`;
}
