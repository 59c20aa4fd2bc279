/** The models these tests decode: small random ones from fixtures/, real ones from the shared folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../../chassis/settings.js';
import {
  type GenerationParameters,
  type GeneratorModel,
  type GeneratorOptions,
  type GeneratorSettings,
  generatorSettings,
  openGenerator,
} from '../../../inference/generate/index.js';
import type { GenerationModel } from '../../../inference/generate/parameters.js';
import { inferenceSettings } from '../../../inference/index.js';
import type { Manifest, StoredModel } from '../../../models/index.js';
import { packageRoot } from '../../../protos/index.js';

const HERE = join(packageRoot, 'test', 'inference', 'generate');

export const fixtureFolder = (name: string): string => join(HERE, 'fixtures', name);

/** What generation knows of a model that is only arithmetic: an encoder-decoder that begins with 0 and ends with 1. */
export const modelOf = (vocabSize: number, change: Partial<GenerationModel> = {}): GenerationModel => ({
  seq2seq: true,
  vocabSize,
  decoderStartTokenId: 0,
  eosTokenIds: [1],
  padTokenId: 0,
  positionsMax: undefined,
  defaults: {},
  ...change,
});

/** One case of reference.py. */
export interface Case {
  ids: number[];
  /** In transformers' names. */
  parameters: Record<string, unknown>;
  results: { ids: number[]; score: number; logprobs: number[] }[];
}

export function readCases(file: string): Case[] {
  return JSON.parse(readFileSync(join(HERE, file), 'utf8')) as Case[];
}

/** transformers' names to ours. */
export function parametersOf(given: Record<string, unknown>): GenerationParameters {
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const key =
      name === 'stop_strings' ? 'stop' : name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    made[key] = key === 'forcedEosTokenId' ? [value].flat() : value;
  }
  return made as GenerationParameters;
}

export function stored(name: string, folder: string, change: Partial<Manifest> = {}): StoredModel {
  return {
    folder,
    inferred: false,
    manifest: {
      manifest: 1,
      name,
      version: '1',
      task: 'summarize',
      architecture: 't5',
      precision: 'fp32',
      files: [],
      digest: 'sha256:0',
      maxTokens: 64,
      licence: 'Apache-2.0',
      source: 'a test',
      ...change,
    },
  };
}

export function open(
  model: StoredModel,
  settings: Partial<GeneratorSettings> = {},
  options: GeneratorOptions = {},
): Promise<GeneratorModel> {
  return openGenerator(
    model,
    {
      generator: { ...readSettings(generatorSettings, {}), threads: 1, ...settings },
      inference: readSettings(inferenceSettings, {}),
    },
    options,
  );
}

export const openFixture = (name: string, settings: Partial<GeneratorSettings> = {}): Promise<GeneratorModel> =>
  open(stored(name, fixtureFolder(name), { precision: precisionOf(name) }), settings);

function precisionOf(name: string): 'fp32' | 'fp16' | 'int8' {
  if (name.endsWith('-fp16')) return 'fp16';
  return name.endsWith('-int8') ? 'int8' : 'fp32';
}

/** No deadline, never cancelled. */
export const unhurried = () => ({ signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY });
