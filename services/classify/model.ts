/**
 * What a classify service holds in memory: classifiers (texts to scores of the model's own labels) and, for zero-shot, embedders.
 * Transport-free. `kind` tells the two apart.
 */
import type { Clock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import {
  type EncoderModel,
  type InferenceSettings,
  openEncoder,
  type Running,
  type RunOptions,
  type TextInput,
  type Truncate,
} from '../../inference/index.js';
import type { StoredModel } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';
import { type EmbedModel, openEmbedder } from '../embed/model.js';
import { sigmoid, softmax } from './labels.js';

export interface ClassifyOptions {
  activation: 'softmax' | 'sigmoid' | 'none';
  truncate: Truncate;
  /** Names a text in errors: 3 -> "texts[3]". */
  field: (index: number) => string;
}

export interface Classified {
  /** One row a text, one number a label. */
  scores: ArrayLike<number>[];
  /** Of each text, after truncation. */
  tokens: number[];
  truncated: boolean[];
  inputTokens: number;
  timings: WorkTimings;
}

export interface ClassifyModel extends Running {
  readonly kind: 'classifier';
  readonly labels: readonly string[];
  /** True where it can read two texts at once. */
  readonly readsPairs: boolean;
  classify(inputs: readonly TextInput[], options: ClassifyOptions, run: RunOptions): Promise<Classified>;
}

/** An embedder among classifiers. */
export interface ZeroShotModel extends EmbedModel {
  readonly kind: 'embedder';
}

export async function openModel(
  model: StoredModel,
  settings: InferenceSettings,
  clock: Clock,
): Promise<ClassifyModel | ZeroShotModel> {
  if (model.manifest.task === 'embed') return { ...(await openEmbedder(model, settings, clock)), kind: 'embedder' };
  const encoder = await openEncoder(model, settings, { clock });
  const { name, version, classify } = model.manifest;
  const labels = classify?.labels ?? [];
  if (labels.length !== encoder.shape.width) {
    await encoder.close();
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${name}@${version} cannot be run: its manifest has ${labels.length} labels, its graph ${encoder.shape.width}`,
    );
  }
  return createClassifyModel(encoder, labels, clock);
}

function createClassifyModel(encoder: EncoderModel, labels: readonly string[], clock: Clock): ClassifyModel {
  const { manifest, shape, texts: reader, tokenizer } = encoder;
  return {
    kind: 'classifier',
    manifest,
    labels,
    // Token types or separators: without either, two texts would be read as one.
    readsPairs: shape.typed || tokenizer.specialTokenCount(true) > tokenizer.specialTokenCount(false),
    async classify(inputs, { activation, truncate, field }, run) {
      const startedMs = clock.monotonic();
      const fitted = await reader.fit(inputs, { tokensMax: manifest.maxTokens, truncate, field, signal: run.signal });
      const tokenizeMs = clock.monotonic() - startedMs;
      const outputs = await encoder.runAll(fitted, { kind: 'logits' }, run);
      const tokens = fitted.map(({ ids }) => ids.length);
      return {
        scores: outputs.map(({ output }) => activate(output, activation)),
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

function activate(logits: Float32Array, activation: ClassifyOptions['activation']): ArrayLike<number> {
  switch (activation) {
    case 'softmax':
      return softmax(logits);
    case 'sigmoid':
      return sigmoid(logits);
    case 'none':
      return logits;
  }
}
