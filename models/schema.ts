/**
 * The schema of manifest.json: shape, and what must agree inside it (digest, sorted safe paths, the part that belongs to the
 * task). Unknown fields are refused, because a misspelt one would silently mean its default. The published JSON Schema
 * (docs/schema/manifest.schema.json) is generated from here.
 */
import { z } from 'zod';
import { MeshError, type Violation } from '../chassis/errors.js';
import { byCodeUnit, digestOf, FILES_MAX } from './folder.js';
import { type Manifest, TASKS } from './manifest.js';
import { isSafePath, MODEL_NAME, MODEL_VERSION } from './path.js';
import { isPooling, POOLING_MODES } from './pooling.js';

/** Bytes of a manifest.json that is read. */
export const MANIFEST_BYTES_MAX = 4 * 2 ** 20;

const words = (max: number) => z.string().min(1).max(max);
const hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be "sha256:" and 64 lower-case hex digits');
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const finite = z.number();

const file = z.strictObject({
  path: z.string().min(1).max(512).describe('Relative to the folder, with "/".'),
  bytes: count,
  sha256: hex,
});

const quality = z.strictObject({
  metric: words(200),
  value: finite,
  set: words(400).describe('Data it was measured on.'),
  rows: count.exactOptional(),
  note: z.string().max(2_000).exactOptional(),
});

const embed = z.strictObject({
  pooling: z
    .string()
    .max(100)
    .refine(isPooling, { error: `must be one of ${POOLING_MODES.join(', ')}, or several of them joined by "+"` })
    .describe(`${POOLING_MODES.join(', ')}; several joined by "+" stand one after the other.`),
  normalize: z.boolean(),
  dimensions: z
    .int()
    .min(1)
    .max(2 ** 24)
    .describe('Of a whole vector; of the vocabulary where sparse is given.'),
  prompts: z.record(words(64), z.string().max(4_000)).describe('Text put before an input, by the name of the prompt.'),
  defaultPrompt: words(64).exactOptional(),
  poolPrompt: z.boolean().exactOptional().describe("False: a prompt's tokens are read but not pooled."),
  sparse: z
    .strictObject({ pooling: z.enum(['max', 'sum']), activation: z.enum(['relu', 'log1p_relu']) })
    .exactOptional()
    .describe(
      'Given: the graph has a masked-LM head, and a text becomes weights of the vocabulary (SPLADE) by this rule.',
    ),
});

const LABELS_MAX = 100_000;
const fit = z.strictObject({
  set: words(400),
  rows: count,
  heldOut: count,
  eceBefore: finite,
  eceAfter: finite,
  nllBefore: finite,
  nllAfter: finite,
});
const points = z.array(finite).min(2).max(10_000);

const calibration = z
  .discriminatedUnion('method', [
    z.strictObject({
      method: z.literal('temperature'),
      temperature: z.number().positive().max(1_000).describe('Logits are divided by it before the activation.'),
      fitted: fit.exactOptional(),
    }),
    z.strictObject({
      method: z.literal('platt'),
      slopes: z
        .array(finite)
        .min(1)
        .max(LABELS_MAX)
        .describe('One a label: a share p becomes sigmoid(slope * log(p / (1 - p)) + intercept).'),
      intercepts: z.array(finite).min(1).max(LABELS_MAX),
      fitted: fit.exactOptional(),
    }),
    z.strictObject({
      method: z.literal('isotonic'),
      curves: z
        .array(z.strictObject({ from: points, to: points }))
        .min(1)
        .max(LABELS_MAX)
        .describe('One a label: what the activation gave to what it is worth, straight between the points.'),
      fitted: fit.exactOptional(),
    }),
  ])
  .describe('How scores become probabilities that can be believed (plexus models calibrate).');

const classify = z.strictObject({
  labels: z.array(words(200)).min(1).max(LABELS_MAX).describe('In the order of the logits.'),
  activation: z.enum(['softmax', 'sigmoid', 'none']),
  multiLabel: z.boolean(),
  level: z.enum(['text', 'token']).exactOptional().describe('token: the graph labels every token (entities).'),
  calibration: calibration.exactOptional(),
});

const summarize = z.strictObject({
  mode: z.enum(['extractive', 'abstractive']),
  embedder: words(200).exactOptional().describe('Extractive: "name@version" of the embedder that compares sentences.'),
  weights: z
    .record(words(64), z.union([finite, z.array(words(100)).max(1_000), z.record(words(64), finite)]))
    .exactOptional()
    .describe('Extractive: constants of the sentence score, and the lists of words it looks for.'),
  maxSentences: z.int().min(1).max(1_000).exactOptional(),
  prefix: z.string().max(1_000).exactOptional().describe('Abstractive: text put before every input.'),
});

const infer = z.strictObject({
  batchable: z
    .boolean()
    .describe(
      'Calls may be joined along the first dimension of every input and output: true only where rows do not see each other.',
    ),
});

const training = z.strictObject({
  script: words(400),
  seed: z.int(),
  data: z.array(z.strictObject({ name: words(200), source: words(1_000), licence: words(200), rows: count })).max(100),
});

const derived = z.strictObject({
  from: words(200).describe('"name@version".'),
  digest,
  how: words(400),
  bytesBefore: count,
  bytesAfter: count,
  textsPerSecondBefore: finite.exactOptional(),
  textsPerSecondAfter: finite.exactOptional(),
  drift: z
    .strictObject({ cosineMean: finite, cosineMin: finite, sameLabel: finite.exactOptional(), texts: count })
    .exactOptional(),
});

const shape = z
  .strictObject({
    manifest: z.literal(1).describe('Version of this schema.'),
    name: z.string().regex(MODEL_NAME, 'must be "name" or "org/name" of letters, digits, ".", "_" and "-"'),
    version: z.string().regex(MODEL_VERSION, 'must be letters, digits, ".", "_" and "-", at most 64'),
    task: z.enum(TASKS as ['tokenize', 'embed', 'classify', 'summarize', 'infer']),
    architecture: words(100).describe('model_type of config.json; "none" where there are no weights.'),
    precision: z.enum(['fp32', 'fp16', 'int8', 'q4', 'none']),
    files: z.array(file).max(FILES_MAX).describe('Every file of the folder except manifest.json, sorted by path.'),
    digest: digest.describe('sha256 over one line "<sha256>  <path>\\n" a file, sorted by path.'),
    tokenizerDigest: digest.exactOptional().describe('sha256 of tokenizer.json.'),
    maxTokens: z
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .describe('Tokens the model takes, special tokens included.'),
    embed: embed.exactOptional(),
    classify: classify.exactOptional(),
    summarize: summarize.exactOptional(),
    infer: infer.exactOptional(),
    latencyTargetMs: z
      .int()
      .min(0)
      .max(600_000)
      .exactOptional()
      .describe(
        'Time in which a text should be through queue and model; goes before PLEXUS_LATENCY_TARGET_MS. 0: none.',
      ),
    licence: words(400),
    source: words(1_000),
    training: training.exactOptional(),
    quality: z.array(quality).max(100).exactOptional(),
    weaknesses: z.array(words(2_000)).max(100).exactOptional(),
    created: z.iso.datetime().exactOptional(),
    derived: derived.exactOptional(),
  })
  .meta({ title: 'Plexus model manifest', description: 'manifest.json of a model folder.' });

/** The published JSON Schema, for editors. */
export function manifestJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(shape) as Record<string, unknown>;
}

/** Reads a manifest's text; MANIFEST_INVALID names file and field. `file` is how the file is called in messages. */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(file, [{ field: '', description: `is not JSON: ${(error as Error).message}` }]);
  }
  return checkManifest(value, file);
}

/** Checks shape and inner agreement. */
export function checkManifest(value: unknown, file: string): Manifest {
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw invalid(file, parsed.error.issues.map(toViolation));
  const violations = disagreements(parsed.data);
  if (violations.length > 0) throw invalid(file, violations);
  return parsed.data;
}

function disagreements(manifest: Manifest): Violation[] {
  const found: Violation[] = [];
  const say = (field: string, description: string): void => {
    found.push({ field, description });
  };
  const seen = new Set<string>();
  manifest.files.forEach(({ path }, index) => {
    const field = `files[${index}].path`;
    if (!isSafePath(path)) say(field, `${JSON.stringify(path)} is not a plain relative path inside the folder`);
    else if (path === 'manifest.json') say(field, 'manifest.json does not list itself');
    else if (seen.has(path.toLowerCase()))
      say(field, `${path} is listed twice (names that differ only in case count as one)`);
    else if (index > 0 && byCodeUnit((manifest.files[index - 1] as { path: string }).path, path) > 0)
      say(field, 'files must be sorted by path');
    seen.add(path.toLowerCase());
  });
  const digest = digestOf(manifest.files);
  if (manifest.digest !== digest) say('digest', `does not belong to the listed files, which give ${digest}`);
  const tokenizer = manifest.files.find(({ path }) => path === 'tokenizer.json');
  const tokenizerDigest = tokenizer && `sha256:${tokenizer.sha256}`;
  if (manifest.tokenizerDigest !== undefined && manifest.tokenizerDigest !== tokenizerDigest) {
    say(
      'tokenizerDigest',
      tokenizerDigest
        ? `must be ${tokenizerDigest}, as files says of tokenizer.json`
        : 'is given, but files has no tokenizer.json',
    );
  }
  if (manifest.task !== 'tokenize' && manifest.task !== 'infer' && manifest[manifest.task] === undefined)
    say(manifest.task, `must be given for the task "${manifest.task}"`);
  const prompt = manifest.embed?.defaultPrompt;
  if (prompt !== undefined && !(prompt in (manifest.embed?.prompts ?? {})))
    say('embed.defaultPrompt', `"${prompt}" is not one of embed.prompts`);
  const labels = manifest.classify?.labels ?? [];
  if (new Set(labels).size !== labels.length) say('classify.labels', 'has a label twice');
  for (const [field, description] of calibrationMistakes(manifest.classify)) say(field, description);
  return found;
}

/** A calibration has numbers for every label, and curves that rise. */
function calibrationMistakes(classify: Manifest['classify']): [string, string][] {
  const { calibration, labels = [], level, activation } = classify ?? {};
  if (!calibration) return [];
  const field = 'classify.calibration';
  if (level === 'token') return [[field, 'is for labels of texts; this model labels tokens']];
  if (activation === 'none') return [[field, 'makes probabilities; this model has the activation "none"']];
  const found: [string, string][] = [];
  const oneALabel = (name: string, length: number): void => {
    if (length !== labels.length) found.push([`${field}.${name}`, `has ${length} items for ${labels.length} labels`]);
  };
  if (calibration.method === 'platt') {
    oneALabel('slopes', calibration.slopes.length);
    oneALabel('intercepts', calibration.intercepts.length);
  }
  if (calibration.method === 'isotonic') {
    oneALabel('curves', calibration.curves.length);
    const falls = (numbers: readonly number[], step: number): boolean =>
      numbers.some((number, index) => index > 0 && number - (numbers[index - 1] as number) < step);
    for (const [index, { from, to }] of calibration.curves.entries()) {
      const where = `${field}.curves[${index}]`;
      if (from.length !== to.length) found.push([where, `has ${from.length} numbers in from, ${to.length} in to`]);
      if (falls(from, Number.MIN_VALUE)) found.push([`${where}.from`, 'must rise from number to number']);
      if (falls(to, 0) || to.some((share) => share < 0 || share > 1))
        found.push([`${where}.to`, 'must be shares from 0 to 1 that do not fall']);
    }
  }
  return found;
}

function toViolation(issue: z.core.$ZodIssue): Violation {
  const field = issue.path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index ? '.' : ''}${String(key)}`))
    .join('');
  if (issue.code !== 'unrecognized_keys') return { field, description: issue.message };
  const key = issue.keys[0] ?? '';
  return { field: field ? `${field}.${key}` : key, description: 'is not a field of a manifest (misspelt?)' };
}

function invalid(file: string, violations: Violation[]): MeshError {
  const [first] = violations;
  const where = first?.field ? `${file}: ${first.field}` : file;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new MeshError('MANIFEST_INVALID', `${where}: ${first?.description ?? 'is invalid'}${more}`, {
    violations: violations.slice(0, 100),
    facts: { file },
  });
}
