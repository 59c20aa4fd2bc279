/**
 * Settings from the environment: each has a name, unit, default and reason, is read once at the edge, and becomes part of a
 * complete frozen object. All mistakes are reported together. docs/settings.md is generated from the same declarations.
 */

export interface Setting<T> {
  env: string;
  /** "ms", "bytes", "count", "address", ... */
  unit: string;
  default: T;
  /** Why it exists and why the default is what it is. */
  reason: string;
  /** What is allowed, in words. */
  allowed: string;
  /** Throws an Error saying what is allowed. */
  parse(text: string): T;
}

export type Settings<Spec extends Record<string, Setting<unknown>>> = {
  readonly [Key in keyof Spec]: Spec[Key] extends Setting<infer T> ? T : never;
};

interface Base<T> {
  env: string;
  default: T;
  reason: string;
}

export function integer(spec: Base<number> & { unit: string; min: number; max: number }): Setting<number> {
  const allowed = `a whole number from ${spec.min} to ${spec.max}`;
  return {
    ...spec,
    allowed,
    parse(text) {
      const value = Number(text);
      if (text.trim() === '' || !Number.isInteger(value) || value < spec.min || value > spec.max)
        throw new Error(allowed);
      return value;
    },
  };
}

export function text(spec: Base<string> & { unit?: string }): Setting<string> {
  return { unit: 'text', allowed: 'any text', parse: (value) => value, ...spec };
}

/** A comma-separated list. */
export function list(spec: Base<readonly string[]> & { unit?: string }): Setting<readonly string[]> {
  const parse = (value: string): string[] =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  return { unit: 'list', allowed: 'values separated by commas', parse, ...spec };
}

export function choice<const T extends string>(spec: Base<T> & { choices: readonly T[] }): Setting<T> {
  const allowed = `one of ${spec.choices.join(', ')}`;
  return {
    unit: 'choice',
    env: spec.env,
    default: spec.default,
    reason: spec.reason,
    allowed,
    parse(value) {
      const found = spec.choices.find((each) => each === value);
      if (found === undefined) throw new Error(allowed);
      return found;
    },
  };
}

export function flag(spec: Base<boolean>): Setting<boolean> {
  return {
    unit: 'flag',
    allowed: 'true or false',
    parse(value) {
      if (/^(1|true|yes|on)$/i.test(value)) return true;
      if (/^(0|false|no|off)$/i.test(value)) return false;
      throw new Error('true or false');
    },
    ...spec,
  };
}

/** Reads every setting of `spec`; throws one Error that lists all mistakes. */
export function readSettings<Spec extends Record<string, Setting<unknown>>>(
  spec: Spec,
  env: Readonly<Record<string, string | undefined>>,
): Settings<Spec> {
  const values: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [key, setting] of Object.entries(spec)) {
    const given = env[setting.env];
    try {
      values[key] = given === undefined || given === '' ? setting.default : setting.parse(given);
    } catch (error) {
      mistakes.push(`${setting.env} is "${given}"; it must be ${(error as Error).message}`);
    }
  }
  if (mistakes.length > 0) throw new Error(`settings:\n  ${mistakes.join('\n  ')}`);
  return Object.freeze(values) as Settings<Spec>;
}
