/**
 * An embedder in memory: texts to vectors, to vectors of their tokens, or to weights of the vocabulary; transport-free. What the
 * encoder gives is pooled, scaled and sorted in its workers.
 */
import type { Clock } from '../../chassis/clock.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import {
  type EncoderModel,
  type EncoderOutput,
  type FittedText,
  type InferenceSettings,
  openEncoder,
  type PackedEncoding,
  POOLINGS,
  type Post,
  pooledWidth,
  type Running,
  type RunOptions,
  SPARSE_WIDTH_MAX,
  type SparseOptions,
  type Truncate,
} from '../../inference/index.js';
import type { Pooling, StoredModel } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';

interface ReadOptions {
  /** Put before each text; "" for none. */
  prompt: string;
  truncate: Truncate;
  /** Names a text in errors: 3 -> "texts[3]". */
  field: (index: number) => string;
}

export interface EmbedOptions extends ReadOptions {
  pooling: Pooling;
  /** Vectors of length 1. */
  normalize: boolean;
  /** The first so many numbers. */
  dimensions: number;
}

export type EmbedTokensOptions = Omit<EmbedOptions, 'pooling'>;
export type EmbedSparseOptions = ReadOptions & Pick<SparseOptions, 'topK' | 'threshold'>;

/** What every kind of answer says besides its vectors. */
interface Read {
  /** Of each text, after truncation. */
  tokens: number[];
  truncated: boolean[];
  inputTokens: number;
  timings: WorkTimings;
}

export interface Embedded extends Read {
  /** One a text, in order. Views of batch memory: they are copied when they are written to the wire. */
  vectors: Float32Array[];
}

export interface EmbeddedTokens extends Read {
  /** Of the prompt and the text, as they were read. */
  encodings: PackedEncoding[];
  /** One a text: a vector a token, one after the other. Views, as above. */
  vectors: Float32Array[];
}

export interface EmbeddedSparse extends Read {
  /** One a text: id, weight, id, weight, ... heaviest first. Views, as above. */
  pairs: Float32Array[];
}

export interface EmbedModel extends Running {
  /** What it can make of a text. */
  readonly gives: { vectors: boolean; tokens: boolean; sparse: boolean };
  /** What is put before texts where nothing else is asked for: its default prompt; "" where it has none. */
  readonly ownPrompt: string;
  /** What it can pool by. */
  readonly poolings: readonly Pooling[];
  /** Numbers of a whole vector of a text (by its own pooling where none is named), of one of a token, or of the vocabulary. */
  dimensionsOf(what: 'tokens' | 'sparse' | 'own' | Pooling): number;
  embed(texts: readonly string[], options: EmbedOptions, run: RunOptions): Promise<Embedded>;
  /** TOO_MANY_ITEMS where the answer would have more than VALUES_MAX numbers. */
  embedTokens(texts: readonly string[], options: EmbedTokensOptions, run: RunOptions): Promise<EmbeddedTokens>;
  /** TOO_MANY_ITEMS where the answer would have more than VALUES_MAX weights. */
  embedSparse(texts: readonly string[], options: EmbedSparseOptions, run: RunOptions): Promise<EmbeddedSparse>;
  /** The vocabulary's string for an id; "" where there is none. */
  tokenOf(id: number): string;
}

/** Numbers of one answer for tokens, or weights of a sparse one: 16 MiB, a quarter of what clients take as one message. */
export const VALUES_MAX = 4 * 2 ** 20;

/** MODEL_UNSUPPORTED where the graph does not give what the manifest says. */
export async function openEmbedder(model: StoredModel, settings: InferenceSettings, clock: Clock): Promise<EmbedModel> {
  const encoder = await openEncoder(model, settings, { clock });
  const { name, version, embed } = model.manifest;
  const { width } = encoder.shape;
  if (embed?.sparse && (width !== embed.dimensions || width > SPARSE_WIDTH_MAX)) {
    await encoder.close();
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${name}@${version} cannot be run: its manifest has a vocabulary of ${embed.dimensions}, its graph gives ${width} scores a token (at most ${SPARSE_WIDTH_MAX})`,
    );
  }
  return createEmbedModel(encoder, clock);
}

/** `valuesMax`: numbers of an answer; tests say fewer. */
export function createEmbedModel(encoder: EncoderModel, clock: Clock, valuesMax = VALUES_MAX): EmbedModel {
  const { manifest, shape, texts: reader, tokenizer } = encoder;
  const { maxTokens } = manifest;
  const own: Pooling = manifest.embed?.pooling ?? 'mean';
  const rule = manifest.embed?.sparse;
  const { prompts = {}, defaultPrompt } = manifest.embed ?? {};
  const hidden = shape.output === 'hidden';

  type RunAll = (fitted: readonly FittedText[]) => Promise<EncoderOutput[]>;
  /** Runs what was read; `startedMs` is when reading began. */
  const run = async (
    startedMs: number,
    fitted: readonly FittedText[],
    runAll: RunAll,
  ): Promise<Read & { outputs: EncoderOutput[] }> => {
    const tokenizeMs = clock.monotonic() - startedMs;
    const outputs = await runAll(fitted);
    const tokens = fitted.map(({ ids }) => ids.length);
    return {
      outputs,
      tokens,
      truncated: fitted.map(({ truncated }) => truncated),
      inputTokens: tokens.reduce((sum, count) => sum + count, 0),
      timings: slowest(tokenizeMs, outputs),
    };
  };
  const readTexts = (texts: readonly string[], { prompt, truncate, field }: ReadOptions, { signal }: RunOptions) =>
    reader.fit(
      texts.map((text) => ({ text: prompt + text })),
      { tokensMax: maxTokens, truncate, field, signal },
    );

  /**
   * Leading tokens of each text that are not pooled: none, or, where the model leaves prompts out, the special ones in front and
   * those of the prompt; a text that was cut on the left has only so many of them left. One number where it is that of all.
   */
  const skipsOf = async (
    texts: readonly string[],
    fitted: readonly FittedText[],
    { prompt, truncate }: ReadOptions,
    { signal }: RunOptions,
  ): Promise<number | number[]> => {
    if (prompt === '' || manifest.embed?.poolPrompt !== false) return 0;
    const { ids, specialTokensMask } = tokenizer.encode(prompt);
    const before = ids.length - (specialTokensMask[ids.length - 1] === 1 ? 1 : 0);
    if (truncate !== 'left') return before;
    const cut = fitted.flatMap(({ truncated }, index) => (truncated ? [index] : []));
    const counts = await reader.count(
      cut.map((index) => prompt + texts[index]),
      true,
      signal,
    );
    const front = Math.min(before, Math.max(0, specialTokensMask.indexOf(0)));
    const skips = fitted.map(() => before);
    for (const [place, index] of cut.entries())
      skips[index] = Math.max(front, before - ((counts[place] as number) - maxTokens));
    return skips;
  };

  return {
    manifest,
    ownPrompt: (defaultPrompt !== undefined && prompts[defaultPrompt]) || '',
    gives: { vectors: !rule, tokens: hidden, sparse: rule !== undefined },
    poolings: rule ? [] : hidden ? [...new Set<Pooling>([own, ...POOLINGS])] : [own],
    dimensionsOf(what) {
      if (!hidden || what === 'tokens' || what === 'sparse') return shape.width;
      return pooledWidth(what === 'own' ? own : what, shape.width);
    },
    async embed(texts, options, runOptions) {
      const startedMs = clock.monotonic();
      const { pooling, normalize, dimensions } = options;
      const fitted = await readTexts(texts, options, runOptions);
      const skips = await skipsOf(texts, fitted, options, runOptions);
      const postOf = (skip: number): Post => ({ kind: 'pool', pooling, normalize, dimensions, skip });
      const post = typeof skips === 'number' ? postOf(skips) : skips.map(postOf);
      const { outputs, ...read } = await run(startedMs, fitted, (all) => encoder.runAll(all, post, runOptions));
      return { ...read, vectors: outputs.map(({ output }) => output) };
    },
    async embedTokens(texts, options, runOptions) {
      const startedMs = clock.monotonic();
      const { normalize, dimensions, prompt, truncate, field } = options;
      const placed = await reader.place(
        texts.map((text) => ({ text: prompt + text })),
        { tokensMax: maxTokens, truncate, field, signal: runOptions.signal },
      );
      const fitted = placed.map(({ encoding: { ids, typeIds }, truncated }) => ({ ids, typeIds, truncated }));
      const tokens = fitted.reduce((sum, { ids }) => sum + ids.length, 0);
      if (tokens * dimensions > valuesMax) {
        throw tooMuch(
          `have ${tokens} tokens; with ${dimensions} numbers each that is more than the ${valuesMax} of one answer: send fewer texts, or ask for fewer dimensions`,
          valuesMax,
        );
      }
      const post = { kind: 'tokens', normalize, dimensions } as const;
      const { outputs, ...read } = await run(startedMs, fitted, (all) => encoder.runAll(all, post, runOptions));
      return {
        ...read,
        encodings: placed.map(({ encoding }) => encoding),
        vectors: outputs.map(({ output }) => output),
      };
    },
    async embedSparse(texts, options, runOptions) {
      const startedMs = clock.monotonic();
      const { topK, threshold } = options;
      const fitted = await readTexts(texts, options, runOptions);
      const post = { kind: 'sparse', pooling: 'max', activation: 'relu', ...rule, topK, threshold } as const;
      // Only the run tells how many weights a text has; so many texts have at most those of one answer.
      const textsMax = Math.max(1, Math.floor(valuesMax / Math.min(shape.width, topK || shape.width)));
      const { outputs, ...read } = await run(startedMs, fitted, async (all) => {
        const outputs: EncoderOutput[] = [];
        let weights = 0;
        for (let from = 0; from < all.length; from += textsMax) {
          const part = await encoder.runAll(all.slice(from, from + textsMax), post, runOptions);
          outputs.push(...part);
          weights = part.reduce((sum, { output }) => sum + output.length / 2, weights);
          if (weights > valuesMax) {
            throw tooMuch(
              `have at least ${weights} weights, more than the ${valuesMax} of one answer: send fewer texts, or set top_k or threshold`,
              valuesMax,
            );
          }
        }
        return outputs;
      });
      return { ...read, pairs: outputs.map(({ output }) => output) };
    },
    tokenOf: (id) => tokenizer.idToToken(id) ?? '',
    warmUp: (signal) => encoder.warmUp(signal),
    stats: () => encoder.stats(),
    close: () => encoder.close(),
  };
}

function tooMuch(description: string, limit: number): Error {
  return fieldError('TOO_MANY_ITEMS', 'texts', description, { limit: String(limit) });
}
