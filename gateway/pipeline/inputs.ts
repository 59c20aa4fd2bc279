/** The inputs of a pipeline: declared in the file, checked in every run, with an error that names the field and the fix. */
import { fieldError, type MeshError } from '../../chassis/errors.js';
import { didYouMean } from '../nearest.js';
import { literalInstead } from './instead.js';
import type { InputField, Plan } from './plan.js';
import type { Definition } from './schema.js';
import type { Problem, Source } from './source.js';

/** UTF-16 code units of one text. */
export const INPUT_TEXT_MAX = 2_000_000;
/** Items of one list. */
export const INPUT_ITEMS_MAX = 10_000;

export function readInputs(source: Source, { input = {} }: Definition, problems: Problem[]): InputField[] {
  return Object.entries(input).map(([name, given]) => {
    const field = typeof given === 'string' ? { type: given } : given;
    const hasDefault = 'default' in field && field.default !== undefined && field.default !== null;
    if (hasDefault && field.required)
      problems.push(
        source.problem(['input', name, 'required'], 'a field with a default is never missing', {
          key: true,
          suggestion: 'take one of them out',
        }),
      );
    return {
      name,
      type: field.type,
      required: field.required ?? !hasDefault,
      default: undefined,
      description: field.description ?? '',
    };
  });
}

/** Fills in the defaults, checked like any input. */
export function readDefaults(
  source: Source,
  { input = {} }: Definition,
  fields: readonly InputField[],
  problems: Problem[],
): void {
  for (const field of fields) {
    const given = input[field.name];
    if (typeof given !== 'object' || given.default === undefined || given.default === null) continue;
    try {
      field.default = convert(field.type, given.default, field.name);
    } catch (error) {
      const [violation] = (error as MeshError).violations;
      problems.push(
        source.problem(['input', field.name, 'default'], violation?.description ?? 'does not fit the type', {
          suggestion: literalInstead(given.default, field.type),
        }),
      );
    }
  }
}

/**
 * What the caller gave, as CEL values with defaults filled in. Throws PIPELINE_INPUT_INVALID, TEXT_TOO_LONG or
 * TOO_MANY_ITEMS with a violation a field ("input.text").
 */
export function acceptInput(plan: Plan, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const accepted = new plan.inputType.ctor();
  const known = plan.inputs.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const suggestion = didYouMean(name, known) || `it has ${known.join(', ') || 'none'}`;
    throw fieldError(
      'PIPELINE_INPUT_INVALID',
      `input.${name}`,
      `pipeline ${plan.name} has no such input; ${suggestion}`,
    );
  }
  for (const { name, type, required, default: standard } of plan.inputs) {
    const value = given[name];
    if (value === undefined || value === null) {
      if (required)
        throw fieldError('PIPELINE_INPUT_INVALID', `input.${name}`, `pipeline ${plan.name} needs it (${type})`);
      accepted[name] = standard;
    } else accepted[name] = convert(type, value, `input.${name}`);
  }
  return accepted;
}

function convert(type: string, value: unknown, path: string): unknown {
  const refuse = (allowed: string): MeshError =>
    fieldError('PIPELINE_INPUT_INVALID', path, `must be ${allowed}, is ${describe(value)}`);
  if (type.startsWith('list<')) {
    if (!Array.isArray(value)) throw refuse(type);
    if (value.length > INPUT_ITEMS_MAX) {
      throw fieldError(
        'TOO_MANY_ITEMS',
        path,
        `must have at most ${INPUT_ITEMS_MAX} items, has ${value.length}; split the input`,
        { limit: String(INPUT_ITEMS_MAX) },
      );
    }
    const item = type.slice(5, -1);
    return value.map((each, index) => convert(item, each, `${path}[${index}]`));
  }
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw refuse('a string');
      if (value.length > INPUT_TEXT_MAX) {
        throw fieldError(
          'TEXT_TOO_LONG',
          path,
          `must be at most ${INPUT_TEXT_MAX} characters, has ${value.length}; send it in pieces`,
          { limit: String(INPUT_TEXT_MAX) },
        );
      }
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw refuse('true or false');
      return value;
    case 'int':
      if (typeof value === 'bigint') return value;
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw refuse('a whole number');
      return BigInt(value);
    default:
      if (typeof value === 'bigint') return Number(value);
      if (typeof value !== 'number' || !Number.isFinite(value)) throw refuse('a finite number');
      return value;
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a string';
  return typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`;
}
