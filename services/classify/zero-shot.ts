/**
 * Labels that the request brings along, compared with the text by an embedder: the text's vector against the vector of each
 * label's sentence. Sentences of a label set are embedded once and kept.
 */
import type { Clock } from '../../chassis/clock.js';
import type { RunOptions, Truncate } from '../../inference/index.js';
import type { Pooling } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';
import { dot } from '../embed/similarity.js';
import { inTurns } from '../in-turns.js';
import { sigmoid, softmax } from './labels.js';
import type { ZeroShotModel } from './model.js';

export interface ZeroShotOptions {
  texts: readonly string[];
  /** Each label as a sentence, then the sentence about nothing. */
  hypotheses: readonly string[];
  multiLabel: boolean;
  rawScores: boolean;
  truncate: Truncate;
}

export interface ZeroShotResult {
  /** One row a text, one number a label. */
  scores: ArrayLike<number>[];
  tokens: number[];
  truncated: boolean[];
  inputTokens: number;
  timings: WorkTimings;
}

export interface ZeroShot {
  classify(model: ZeroShotModel, options: ZeroShotOptions, run: RunOptions): Promise<ZeroShotResult>;
}

/**
 * Cosines of sentence embedders lie close together; models of this kind are trained with a softmax over cosines times 20
 * (sentence-transformers' MultipleNegativesRankingLoss), so the same factor makes them probabilities again.
 */
const SCALE = 20;

export function createZeroShot({ labelSetsMax, clock }: { labelSetsMax: number; clock: Clock }): ZeroShot {
  /** Vectors by model digest and sentences; the least recently used first. */
  const kept = new Map<string, Float32Array[]>();

  async function labelVectors(
    model: ZeroShotModel,
    hypotheses: readonly string[],
    run: RunOptions,
  ): Promise<{ vectors: Float32Array[]; timings: WorkTimings[]; inputTokens: number }> {
    const key = JSON.stringify([model.manifest.digest, ...hypotheses]);
    const known = kept.get(key);
    if (known) {
      kept.delete(key);
      kept.set(key, known);
      return { vectors: known, timings: [], inputTokens: 0 };
    }
    const field = (index: number): string =>
      index < hypotheses.length - 1 ? `labels[${index}]` : 'hypothesis_template';
    const embedded = await model.embed(hypotheses, { ...plain(model, 'refuse'), field }, run);
    const vectors = embedded.vectors.map((vector) => vector.slice()); // kept for long: not as views of batches
    kept.set(key, vectors);
    if (kept.size > labelSetsMax) kept.delete(kept.keys().next().value as string);
    return { vectors, timings: [embedded.timings], inputTokens: embedded.inputTokens };
  }

  return {
    async classify(model, { texts, hypotheses, multiLabel, rawScores, truncate }, run) {
      const field = (index: number): string => `texts[${index}]`;
      const [labels, embedded] = await Promise.all([
        labelVectors(model, hypotheses, run),
        model.embed(texts, { ...plain(model, truncate), field }, run),
      ]);
      const scoring = scoreEach(embedded.vectors, labels.vectors, { multiLabel, rawScores });
      const scores = await inTurns(scoring, clock, run.signal);
      const all = [...labels.timings, embedded.timings];
      return {
        scores,
        tokens: embedded.tokens,
        truncated: embedded.truncated,
        inputTokens: embedded.inputTokens + labels.inputTokens,
        timings: slowest(
          Math.max(...all.map(({ tokenizeMs }) => tokenizeMs)),
          all.map((timings) => ({ timings })),
        ),
      };
    },
  };
}

/** Scores of one text a step: a thousand texts with 256 labels are a hundred million products. `labels`: the one about nothing last. */
export function* scoreEach(
  texts: readonly Float32Array[],
  labels: readonly Float32Array[],
  { multiLabel, rawScores }: Pick<ZeroShotOptions, 'multiLabel' | 'rawScores'>,
): Generator<Float64Array> {
  for (const text of texts) {
    // All have length 1 (or 0), so a product is their cosine; what rounding makes of 1 is still none above it.
    const cosines = Float64Array.from(labels, (label) => Math.max(-1, Math.min(1, dot(text, label))));
    const own = cosines.subarray(0, -1);
    if (rawScores) yield own;
    else if (!multiLabel) yield softmax(own.map((cosine) => cosine * SCALE));
    else {
      // On its own, a label is compared with the sentence about nothing: 0.5 where it says no more than that.
      const base = cosines[cosines.length - 1] as number;
      yield sigmoid(own.map((cosine) => (cosine - base) * SCALE));
    }
  }
}

function plain(
  model: ZeroShotModel,
  truncate: Truncate,
): {
  pooling: Pooling;
  normalize: boolean;
  prompt: string;
  dimensions: number;
  truncate: Truncate;
} {
  const pooling = model.poolings[0] as Pooling;
  return { pooling, normalize: true, prompt: model.ownPrompt, dimensions: model.dimensionsOf(pooling), truncate };
}
