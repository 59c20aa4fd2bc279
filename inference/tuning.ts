/**
 * How single models are run on this machine, as `plexus tune` found it: a JSON file of measured settings that go before those for
 * all models. An entry counts only on a machine with as many cores as it was measured on; elsewhere the model runs untuned.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Precision, parseReference } from '../models/index.js';
import { usableCores } from './cores.js';
import { replaceFile } from './kept-file.js';
import type { InferenceSettings } from './settings.js';

/** What was found for one model. */
export interface TunedModel {
  workers: number;
  /** Of each worker. */
  threads: number;
  batchTokensMax: number;
  windowMax: number;
  /** Which of several weights of the model; absent: those of its manifest. */
  precision?: Exclude<Precision, 'none'>;
  /** What it was measured on and what it gave: for whoever reads the file. */
  measured: {
    /** ISO 8601. */
    at: string;
    cores: number;
    /** Of the requests it was tuned for. */
    p99TargetMs: number;
    requestsPerSecond: number;
    p99Ms: number;
    traffic: string;
  };
}

/** By "name@version". */
export type Tuning = Readonly<Record<string, TunedModel>>;

const id = z.string().refine((text) => {
  try {
    return parseReference(text).version !== undefined;
  } catch {
    return false;
  }
}, 'must be "name@version"');
const whole = (max: number) => z.int().min(1).max(max);
const positive = z.number().min(0);
const schema = z.strictObject({
  models: z.record(
    id,
    z.strictObject({
      workers: whole(256),
      threads: whole(256),
      batchTokensMax: whole(65_536),
      windowMax: whole(8_192),
      precision: z.enum(['int8', 'fp32', 'fp16', 'q4']).exactOptional(),
      measured: z.strictObject({
        at: z.string(),
        cores: whole(65_536),
        p99TargetMs: positive,
        requestsPerSecond: positive,
        p99Ms: positive,
        traffic: z.string(),
      }),
    }),
  ),
});

/** A file that is not there has no entries. Throws an Error that names file and field where it cannot be understood. */
export async function readTuning(file: string): Promise<Tuning> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw new Error(`tuning file ${file} cannot be read (${code})`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`tuning file ${file} is not JSON: ${(error as Error).message}`);
  }
  const read = schema.safeParse(json);
  if (read.success) return read.data.models as Tuning;
  const issues = read.error.issues.map((issue) => {
    const { message } = (issue.code === 'invalid_key' && issue.issues[0]) || issue;
    return `${issue.path.join('.') || 'it'}: ${message}`;
  });
  throw new Error(`tuning file ${file}: ${issues.join('; ')}. Mend or remove it; \`plexus tune\` writes it anew`);
}

/** Sets one entry and keeps the others. Whoever reads meanwhile sees the file as it was or as it will be. */
export async function writeTuning(file: string, model: string, entry: TunedModel): Promise<void> {
  const models = { ...(await readTuning(file)), [model]: entry };
  await replaceFile(file, `${JSON.stringify({ models }, undefined, 2)}\n`);
}

/**
 * The settings a model is opened with, and its precision where that was tuned as well. `tuningFile` of the settings is a path
 * here, "" for no file; it is read anew for every model, so that what was tuned counts from the next load on.
 */
export async function tunedSettings(
  settings: InferenceSettings,
  model: string,
  cores = usableCores(),
): Promise<{ settings: InferenceSettings; precision: TunedModel['precision'] }> {
  const entry = settings.tuningFile === '' ? undefined : (await readTuning(settings.tuningFile))[model];
  if (entry?.measured.cores !== cores) return { settings, precision: undefined };
  const { workers, threads, batchTokensMax, windowMax, precision } = entry;
  return { settings: { ...settings, workers, threads, batchTokensMax, windowMax }, precision };
}
