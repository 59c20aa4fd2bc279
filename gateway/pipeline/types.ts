/**
 * The protos as CEL types. Every message of the contract is a CEL type whose fields have their proto names; integers are
 * `int`, enums are their names as `string`, repeated fields are lists. A field that is not set (a message, an `optional`, a
 * member of a oneof) is absent: `has(...)` tells. Answers are decoded when an expression first reads them, and not at all
 * where none does.
 */
import { type DescField, type DescMessage, fromBinary, type Message, ScalarType } from '@bufbuild/protobuf';
import { Environment } from '@marcbachmann/cel-js';
import { descriptors } from '../../chassis/descriptors.js';
import { shortenFloats } from '../float.js';

/** A message as expressions see it. */
export abstract class CelMessage {
  abstract readonly desc: DescMessage;
  /** Wire form, where it came as one. */
  readonly bytes: Buffer | undefined;
  #source: Message | undefined;
  readonly #fields = new Map<string, unknown>();

  constructor(from: Message | Buffer) {
    if (Buffer.isBuffer(from)) this.bytes = from;
    else this.#source = from as Message;
  }

  /** The decoded message; its floats are short decimals, so that `score >= 0.9` holds for a float of 0.9. */
  get source(): Message {
    if (!this.#source) {
      this.#source = fromBinary(this.desc, this.bytes ?? Buffer.alloc(0));
      shortenFloats(this.desc, this.#source);
    }
    return this.#source;
  }

  protected field(field: DescField): unknown {
    if (this.#fields.has(field.name)) return this.#fields.get(field.name);
    const value = toCel(field, read(this.source, field));
    this.#fields.set(field.name, value);
    return value;
  }
}

type CelMessageClass = new (from: Message | Buffer) => CelMessage;

const classes = new Map<string, CelMessageClass>();

/** A message, decoded or not, as a CEL value. */
export function wrapMessage(desc: DescMessage, from: Message | Buffer): CelMessage {
  return new (classOf(desc))(from);
}

function classOf(desc: DescMessage): CelMessageClass {
  const known = classes.get(desc.typeName);
  if (known) return known;
  const made = class extends CelMessage {
    override readonly desc = desc;
  };
  for (const field of desc.fields) {
    Object.defineProperty(made.prototype, field.name, {
      get(this: { field(field: DescField): unknown }) {
        return this.field(field);
      },
    });
  }
  classes.set(desc.typeName, made);
  return made;
}

function read(message: Message, field: DescField): unknown {
  const fields = message as unknown as Record<string, unknown>;
  if (!field.oneof) return fields[field.localName];
  const chosen = fields[field.oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function toCel(field: DescField, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (field.fieldKind === 'list') return (value as unknown[]).map((item) => one(field, item));
  if (field.fieldKind === 'map') return value;
  return one(field, value);
}

function one(field: DescField, value: unknown): unknown {
  const { message, scalar } = field;
  if (message) return isOurs(message) ? wrapMessage(message, value as Message) : null;
  if (field.enum) return field.enum.value[value as number]?.name ?? String(value);
  return scalar !== undefined && isInteger(scalar) ? BigInt(value as number | bigint) : value;
}

/** CEL type of a field: "list<double>", "plexus.v1.ServedModel". */
export function celTypeOf(field: DescField): string {
  const item = celItemTypeOf(field);
  if (field.fieldKind === 'list') return `list<${item}>`;
  if (field.fieldKind === 'map') return 'map<string, dyn>';
  return item;
}

/** CEL type of one item of a list field, or of the field where it is none. */
export function celItemTypeOf(field: DescField): string {
  if (field.message) return isOurs(field.message) ? field.message.typeName : 'dyn';
  if (field.enum) return 'string';
  switch (field.scalar) {
    case ScalarType.STRING:
      return 'string';
    case ScalarType.BOOL:
      return 'bool';
    case ScalarType.BYTES:
      return 'bytes';
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 'double';
    default:
      return 'int';
  }
}

export function isInteger(scalar: ScalarType): boolean {
  return ![ScalarType.STRING, ScalarType.BOOL, ScalarType.BYTES, ScalarType.DOUBLE, ScalarType.FLOAT].includes(scalar);
}

function isOurs(desc: Pick<DescMessage, 'typeName'>): boolean {
  return desc.typeName.startsWith('plexus.v1.');
}

let base: Environment | undefined;

/** An environment that knows the messages of the contract. Literals of mixed types are allowed: outputs often are. */
export function baseEnvironment(): Environment {
  if (base) return base;
  const made = new Environment({ homogeneousAggregateLiterals: false, limits: { maxAstNodes: 2_000, maxDepth: 64 } });
  for (const type of descriptors()) {
    if (type.kind !== 'message' || !isOurs(type)) continue;
    made.registerType(type.typeName, {
      ctor: classOf(type),
      fields: Object.fromEntries(type.fields.map((field) => [field.name, celTypeOf(field)])),
    });
  }
  base = made;
  return made;
}

/** A set of named values with a type of its own: a pipeline's input, its steps' results, or its output. */
export interface RecordType {
  /** Name of the CEL type. */
  name: string;
  /** CEL type of each field. */
  fields: Readonly<Record<string, string>>;
  ctor: new () => Record<string, unknown>;
}

export function createRecordType(name: string, fields: Readonly<Record<string, string>>): RecordType {
  return { name, fields, ctor: class {} as new () => Record<string, unknown> };
}

/** What expressions of one place can see. */
export interface Visible {
  input: RecordType;
  steps: RecordType;
  /** Types of the outputs of other pipelines that steps have. */
  records: readonly RecordType[];
  /** Type of `item`, inside an each. */
  item?: string | undefined;
}

const recordsOf = new WeakMap<Environment, readonly RecordType[]>();

/** CEL types of the fields of a message, or of a record that is visible in `env`; undefined for any other type. */
export function fieldsOf(env: Environment, type: string): Readonly<Record<string, string>> | undefined {
  const message = isOurs({ typeName: type }) ? descriptors().getMessage(type) : undefined;
  if (message) return Object.fromEntries(message.fields.map((field) => [field.name, celTypeOf(field)]));
  return recordsOf.get(env)?.find(({ name }) => name === type)?.fields;
}

/** An environment with `input`, `steps` and, inside an each, `item` and `index`. */
export function environmentFor({ input, steps, records, item }: Visible): Environment {
  const env = baseEnvironment().clone();
  recordsOf.set(env, [...records, input, steps]);
  for (const record of records) env.registerType(record.name, { ctor: record.ctor, fields: { ...record.fields } });
  env.registerType(input.name, { ctor: input.ctor, fields: { ...input.fields } });
  env.registerType(steps.name, { ctor: steps.ctor, fields: { ...steps.fields } });
  env.registerVariable('input', input.name).registerVariable('steps', steps.name);
  if (item !== undefined) env.registerVariable('item', item).registerVariable('index', 'int');
  return env;
}
