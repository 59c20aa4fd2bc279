/**
 * The form of a pipeline file, and the JSON Schema that editors read. Only the form: what steps, fields and types mean is
 * checked against the protos in check.ts. Durations are written "250ms", "10s", "5m", "1h".
 */
import { z } from 'zod';
import { didYouMean } from '../nearest.js';
import type { Path, Problem, Source } from './source.js';

/** Steps of one pipeline. */
export const STEPS_MAX = 64;
/** Items of one `each`, unless the step says less. */
export const EACH_MAX = 1_000;
/** Calls of one `each` in flight. */
export const PARALLEL_MAX = 32;

const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be small letters, digits and "_", beginning with a letter');
const pipelineName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be small letters, digits, "-" and "_", beginning with a letter');
const duration = z.string().regex(/^\d{1,7}(ms|s|m|h)$/, 'must be a duration: "250ms", "10s", "5m"');
const expression = z.string().min(1).max(4_096);
const fieldType = z
  .string()
  .regex(
    /^(string|double|bool|int|list<(string|double|bool|int)>)$/,
    'must be string, double, bool, int, or list<...> of one of them',
  )
  .meta({ description: 'string, double, bool, int, or list<...> of one of them' });

const inputField = z.strictObject({
  type: fieldType,
  required: z.boolean().optional().meta({ description: 'Default: true where there is no default value.' }),
  default: z.unknown().optional().meta({ description: 'Value where the caller gives none.' }),
  description: z.string().optional(),
});

const withFields = z.record(z.string(), z.unknown()).meta({
  description: `Fields of the request, as the proto names them. "$\{...}" is a CEL expression over input and steps; text around one makes a template; everything else is a literal.`,
});

const action = {
  call: z
    .string()
    .optional()
    .meta({ description: 'A method: embed.Embed, classify.ZeroShot, summarize.SummarizeStream.' }),
  pipeline: z.string().optional().meta({ description: 'Another pipeline: name or name@version.' }),
  value: z.unknown().optional().meta({ description: 'A computed value, without any call.' }),
  with: withFields.optional(),
};

const fallback = z.strictObject({
  ...action,
  model: z.string().optional().meta({ description: 'The same call with another model.' }),
  step: name
    .optional()
    .meta({ description: 'The result of another step, which runs only then if nobody else needs it.' }),
});

const retry = z.strictObject({
  attempts: z.int().min(1).max(5).meta({ description: 'Tries in all, the first included.' }),
  backoff: duration
    .optional()
    .meta({ description: 'Longest wait before the second try, doubled for each further one. Default 50ms.' }),
});

const step = z.strictObject({
  name: name.optional().meta({ description: 'Needed where steps are a list.' }),
  description: z.string().optional(),
  ...action,
  switch: z
    .array(z.strictObject({ when: expression.optional(), ...action }))
    .min(1)
    .max(32)
    .optional()
    .meta({
      description: 'The first branch whose condition holds; one without a condition is the default and stands last.',
    }),
  split: z
    .array(z.strictObject({ weight: z.number().min(0).max(1_000_000), ...action }))
    .min(1)
    .max(32)
    .optional()
    .meta({ description: 'One branch by chance, in proportion to the weights.' }),
  split_by: expression.optional().meta({ description: 'Makes the split sticky: equal values take the same branch.' }),
  when: expression.optional().meta({ description: 'Condition; where it is false the step is skipped.' }),
  each: expression.optional().meta({
    description:
      'A list: the step runs once an item, as `item` and `index`; its result is the list of results, in order.',
  }),
  parallel: z
    .int()
    .min(1)
    .max(PARALLEL_MAX)
    .optional()
    .meta({ description: 'Calls of an each in flight at once. Default 4.' }),
  max_items: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: `Longest list an each takes. Default ${EACH_MAX}.` }),
  item_timeout: duration
    .optional()
    .meta({ description: 'Ends one item of an each, its retries included; `timeout` is for the whole list.' }),
  after: z.array(name).max(STEPS_MAX).optional().meta({ description: 'Steps to wait for without reading them.' }),
  timeout: duration.optional().meta({ description: 'Ends the step; of an each, the whole list.' }),
  retry: z
    .union([z.int().min(1).max(5), retry])
    .optional()
    .meta({
      description: 'Tries in all, beside what the upstream stack retries by itself; only errors that are retryable.',
    }),
  hedge: duration
    .optional()
    .meta({ description: 'A second call where the first has not answered after this long; the first answer counts.' }),
  cache: duration.optional().meta({ description: 'Keeps answers to equal requests this long.' }),
  fallback: z
    .union([z.literal('skip'), fallback])
    .optional()
    .meta({ description: 'What stands in where the step fails.' }),
  optional: z.boolean().optional().meta({ description: 'The same as fallback: skip.' }),
});

const definition = z.strictObject({
  name: pipelineName,
  version: z
    .union([
      z.string().regex(/^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$/, 'must be letters, digits, ".", "-" and "_"'),
      z.int().min(0),
    ])
    .meta({ description: 'A bare name means the highest version.' }),
  description: z.string().optional(),
  input: z.record(name, z.union([fieldType, inputField])).optional(),
  steps: z
    .union([z.record(name, step), z.array(step).max(STEPS_MAX)])
    .meta({ description: 'Every step starts as soon as what it reads exists; the order here is for readers.' }),
  output: z
    .record(name, z.unknown())
    .meta({ description: 'Fields of the answer: expressions, templates, literals, or maps and lists of them.' }),
});

export type Definition = z.infer<typeof definition>;
export type StepDefinition = z.infer<typeof step>;
export type ActionDefinition = Pick<StepDefinition, 'call' | 'pipeline' | 'value' | 'with'>;
export type FallbackDefinition = z.infer<typeof fallback>;

/** The definition, or what is wrong with its form. */
export function readDefinition(source: Source): { definition: Definition } | { problems: Problem[] } {
  const read = definition.safeParse(source.data);
  if (read.success) return { definition: read.data };
  const problems: Problem[] = [];
  for (const issue of read.error.issues) report(source, issue as Issue, [], problems);
  return { problems };
}

/** JSON Schema (2020-12) of a pipeline file. */
export function pipelineJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(definition, { io: 'input' }) as Record<string, unknown>;
  return { $schema, title: 'Plexus pipeline', description: 'See docs/pipelines.md.', ...schema };
}

/** "250ms" in milliseconds; the form has been checked. */
export function durationMs(text: string): number {
  const [, digits, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) as unknown as [string, string, 'ms' | 's' | 'm' | 'h'];
  return Number(digits) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit];
}

interface Issue {
  code: string;
  path: (string | number)[];
  message: string;
  expected?: string;
  input?: unknown;
  keys?: string[];
  errors?: Issue[][];
  issues?: Issue[];
}

function report(source: Source, issue: Issue, prefix: Path, problems: Problem[]): void {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys ?? []) {
      const known = keysAt(path);
      const suggestion = didYouMean(key, known) || (known.length > 0 ? `known are ${known.join(', ')}` : '');
      problems.push(source.problem([...path, key], `"${key}" is not known here`, { key: true, suggestion }));
    }
    return;
  }
  if (issue.code === 'invalid_union' && issue.errors) {
    // The form that was meant is the one whose mistakes lie deepest: the others fail at their root.
    const meant = issue.errors.find(
      (errors) => !errors.some(({ path: at, code }) => at.length === 0 && code !== 'unrecognized_keys'),
    );
    for (const inner of meant ?? []) report(source, inner, path, problems);
    if (!meant) {
      const messages = [...new Set(issue.errors.flat().map((inner) => plain(inner)))];
      const missing = messages.every((message) => message.startsWith('is required'));
      problems.push(
        missing
          ? source.problem(path, 'is required', { suggestion: add(path) })
          : source.problem(path, messages.join(', or ')),
      );
    }
    return;
  }
  if (issue.code === 'invalid_key') {
    problems.push(source.problem(path, `the name ${issue.issues?.[0]?.message ?? 'is not allowed'}`, { key: true }));
    return;
  }
  const message = plain(issue);
  const suggestion = message.startsWith('is required') ? add(path) : '';
  problems.push(source.problem(path, message, { suggestion }));
}

function add(path: Path): string {
  return `add ${path.at(-1)}:`;
}

function plain({ code, expected, message }: Issue): string {
  if (code === 'invalid_type' && /received undefined/.test(message))
    return `is required (${kinds[expected ?? ''] ?? expected})`;
  if (code === 'invalid_type') return `must be ${kinds[expected ?? ''] ?? expected}`;
  return message
    .replace(/^Invalid input: /, 'must be: ')
    .replace(/^Too (small|big): expected \w+ to (be|have) /, 'must $2 ');
}

const kinds: Record<string, string> = {
  string: 'text',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** Keys allowed at a path: for suggestions only. */
function keysAt(path: Path): string[] {
  if (path.length === 0) return Object.keys(definition.shape);
  if (path[0] === 'input') return Object.keys(inputField.shape);
  if (path[0] !== 'steps') return [];
  if (path.length === 2) return Object.keys(step.shape);
  const part = path[2];
  if (part === 'fallback') return Object.keys(fallback.shape);
  if (part === 'retry') return Object.keys(retry.shape);
  if (part === 'switch') return ['when', ...Object.keys(action)];
  if (part === 'split') return ['weight', ...Object.keys(action)];
  return [];
}
