/**
 * Labels that the request brings along, by a model of natural language inference: does the text entail "This example is sports."?
 * The shares are those of the ZeroShotClassificationPipeline of Python transformers: the entailments of all labels against each
 * other, or, each on its own, entailment against contradiction.
 */
import { MeshError } from '../../chassis/errors.js';
import type { RunOptions, Truncate } from '../../inference/index.js';
import { sigmoid, softmax } from './labels.js';
import type { Classified, ClassifyModel } from './model.js';

export interface NliOptions {
  texts: readonly string[];
  /** Each label as a sentence. */
  hypotheses: readonly string[];
  multiLabel: boolean;
  /** Logits of the entailment. */
  rawScores: boolean;
  truncate: Truncate;
}

/** The place of the label that says "follows", by its name; undefined where a model has none. */
export function entailmentOf(labels: readonly string[]): number | undefined {
  const place = labels.findIndex((label) => label.toLowerCase().startsWith('entail'));
  return place < 0 ? undefined : place;
}

/** One row a text, one share a label. */
export async function classifyByInference(
  model: ClassifyModel,
  { texts, hypotheses, multiLabel, rawScores, truncate }: NliOptions,
  run: RunOptions,
): Promise<Classified> {
  const entailment = entailmentOf(model.labels);
  if (entailment === undefined) throw new MeshError('INTERNAL', `${model.manifest.name} has no label for entailment`);
  // The first label, or where that is the entailment, the last: as the pipeline takes it.
  const contradiction = entailment === 0 ? model.labels.length - 1 : 0;
  const count = hypotheses.length;
  const inputs = texts.flatMap((text) => hypotheses.map((pair) => ({ text, pair })));
  const field = (index: number): string => `texts[${Math.floor(index / count)}]`;
  const options = { activation: 'none', calibrated: false, truncate, field, cutFirstOnly: true } as const;
  const { scores: logits, tokens, truncated, ...read } = await model.classify(inputs, options, run);
  const scores = texts.map((_, text) => {
    const own = logits.slice(text * count, (text + 1) * count);
    const entailments = Float64Array.from(own, (row) => row[entailment] as number);
    if (rawScores) return entailments;
    if (!multiLabel && count > 1) return softmax(entailments);
    // A softmax over two is a sigmoid of their difference.
    return sigmoid(Float64Array.from(own, (row) => (row[entailment] as number) - (row[contradiction] as number)));
  });
  return {
    ...read,
    scores,
    tokens: texts.map((_, text) => Math.max(...tokens.slice(text * count, (text + 1) * count))),
    truncated: texts.map((_, text) => truncated.slice(text * count, (text + 1) * count).some(Boolean)),
  };
}
