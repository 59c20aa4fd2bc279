/**
 * What a summarize service holds in memory: a model that chooses sentences (on an embedder), or one that writes. Transport-free; the
 * two answer the same questions, so the service does not ask which it has.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import {
  type Finish,
  type GenerationParameters,
  type GeneratorSettings,
  openGenerator,
} from '../../inference/generate/index.js';
import {
  type EncoderModel,
  type InferenceSettings,
  openEncoder,
  type Running,
  type RunOptions,
} from '../../inference/index.js';
import { parseReference, type Repository, type StoredModel } from '../../models/index.js';
import type { WorkTimings } from '../answer.js';
import { createAbstractive } from './abstractive.js';
import { createExtractive } from './extractive.js';
import type { SummarizeSettings } from './settings.js';

export type Length = { sentences: number } | { words: number } | { tokens: number } | { share: number };

/** How a text longer than the model is put together again. */
export type Combine = 'map_reduce' | 'refine' | 'extract_then_abstract';

/** Complete, for one text. */
export interface SummarizeOptions {
  /** undefined: the model's own. */
  length: Length | undefined;
  generation: GenerationParameters | undefined;
  /** "" for nothing in particular. */
  focus: string;
  bullets: boolean;
  combine: Combine;
  faithfulness: boolean;
  /** BCP 47; "" for unknown. */
  language: string;
  /** Names the text in errors: "texts[3]". */
  field: string;
}

/** What a reader should know of a summary; summarize.proto says each in words. */
export type Warning =
  | 'COPIED_SOURCE'
  | 'REPETITION_STOPPED'
  | 'EMPTY_OUTPUT'
  | 'SOURCE_THINNED'
  | 'SUMMARIES_THINNED'
  | 'LANGUAGE_CHANGED'
  | 'NOT_STREAMED';

export interface Span {
  utf16Start: number;
  utf16End: number;
  byteStart: number;
  byteEnd: number;
  score: number;
}

export interface GeneratedText {
  text: string;
  ids: number[];
  /** undefined where none was computed. */
  score: number | undefined;
  logprobs: number[];
  finish: Finish;
}

export interface Summarized {
  text: string;
  spans: Span[];
  coverage: { sourceTokens: number; readTokens: number; parts: number };
  /** undefined for extractive summaries. */
  finish: Finish | undefined;
  /** Empty for extractive summaries. */
  sequences: GeneratedText[];
  faithfulness: number | undefined;
  warnings: Warning[];
  inputTokens: number;
  outputTokens: number;
  timings: WorkTimings;
}

export type SummarizeEvent = { at: 'delta'; text: string } | { at: 'done'; summarized: Summarized };

export interface RunSummarize extends RunOptions {
  /** Texts of one request share its turns in the generator. */
  caller: number;
}

export interface SummarizeModel extends Running {
  readonly mode: 'extractive' | 'abstractive';
  newCaller(): number;
  /** Checks options that only the model can judge, before any text is read. */
  check(options: SummarizeOptions): void;
  summarize(text: string, options: SummarizeOptions, run: RunSummarize): Promise<Summarized>;
  /** Text to append, then the whole: the deltas together are its text. */
  stream(text: string, options: SummarizeOptions, run: RunSummarize): AsyncGenerator<SummarizeEvent, void, undefined>;
}

export interface OpenSettings {
  summarize: SummarizeSettings;
  generator: GeneratorSettings;
  inference: InferenceSettings;
}

/** Opens a model of either kind; an extractive one brings its embedder from the same repository. */
export async function openSummarizer(
  model: StoredModel,
  repository: Repository,
  { summarize, generator, inference }: OpenSettings,
  clock: Clock,
): Promise<SummarizeModel> {
  const { manifest } = model;
  const reference = manifest.summarize?.embedder;
  if (manifest.summarize?.mode !== 'extractive') {
    const writer = await openGenerator(model, { generator, inference }, { clock });
    try {
      const named = reference ?? summarize.embedder;
      const embedder = named === '' ? undefined : await openEmbedder(named, repository, inference, clock);
      return createAbstractive(writer, summarize, clock, embedder);
    } catch (error) {
      await writer.close();
      throw error;
    }
  }
  if (!reference) {
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${manifest.name}@${manifest.version} names no embedder (summarize.embedder)`,
    );
  }
  const encoder = await openEmbedder(reference, repository, inference, clock);
  try {
    return createExtractive(manifest, encoder, summarize, clock);
  } catch (error) {
    await encoder.close();
    throw error;
  }
}

async function openEmbedder(
  reference: string,
  repository: Repository,
  inference: InferenceSettings,
  clock: Clock,
): Promise<EncoderModel> {
  const stored = await repository.find(parseReference(reference, 'summarize.embedder'));
  await repository.verify(stored);
  return openEncoder(stored, inference, { clock });
}
