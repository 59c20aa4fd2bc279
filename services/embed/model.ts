/** An embedder in memory: texts to vectors, transport-free. What the encoder gives is pooled and scaled in its workers. */
import type { Clock } from '../../chassis/clock.js';
import {
  type EncoderModel,
  type InferenceSettings,
  openEncoder,
  POOLINGS,
  type Running,
  type RunOptions,
  type Truncate,
} from '../../inference/index.js';
import type { Pooling, StoredModel } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';

export interface EmbedOptions {
  pooling: Pooling;
  /** Vectors of length 1. */
  normalize: boolean;
  /** Put before each text; "" for none. */
  prompt: string;
  /** The first so many numbers. */
  dimensions: number;
  truncate: Truncate;
  /** Names a text in errors: 3 -> "texts[3]". */
  field: (index: number) => string;
}

export interface Embedded {
  /** One a text, in order. Views of batch memory: they are copied when they are written to the wire. */
  vectors: Float32Array[];
  /** Of each text, after truncation. */
  tokens: number[];
  truncated: boolean[];
  inputTokens: number;
  timings: WorkTimings;
}

export interface EmbedModel extends Running {
  /** What it can pool by. */
  readonly poolings: readonly Pooling[];
  /** Numbers of a whole vector. */
  readonly dimensions: number;
  embed(texts: readonly string[], options: EmbedOptions, run: RunOptions): Promise<Embedded>;
}

export async function openEmbedder(model: StoredModel, settings: InferenceSettings, clock: Clock): Promise<EmbedModel> {
  return createEmbedModel(await openEncoder(model, settings, { clock }), clock);
}

export function createEmbedModel(encoder: EncoderModel, clock: Clock): EmbedModel {
  const { manifest, shape, texts: reader } = encoder;
  const own = manifest.embed?.pooling;
  return {
    manifest,
    poolings: shape.output === 'hidden' ? POOLINGS : own ? [own] : ['mean'],
    dimensions: shape.width,
    async embed(texts, { pooling, normalize, prompt, dimensions, truncate, field }, run) {
      const startedMs = clock.monotonic();
      const inputs = texts.map((text) => ({ text: prompt + text }));
      const fitted = await reader.fit(inputs, { tokensMax: manifest.maxTokens, truncate, field, signal: run.signal });
      const tokenizeMs = clock.monotonic() - startedMs;
      const outputs = await encoder.runAll(fitted, { kind: 'pool', pooling, normalize, dimensions }, run);
      const tokens = fitted.map(({ ids }) => ids.length);
      return {
        vectors: outputs.map(({ output }) => output),
        tokens,
        truncated: fitted.map((each) => each.truncated),
        inputTokens: tokens.reduce((sum, count) => sum + count, 0),
        timings: slowest(tokenizeMs, outputs),
      };
    },
    warmUp: (signal) => encoder.warmUp(signal),
    stats: () => encoder.stats(),
    close: () => encoder.close(),
  };
}
