/**
 * What quantizing cost and brought: both models answer the same texts through the inference room (worker threads), in turns, and
 * their outputs are compared. Embedders are compared by vectors, classifiers by logits and by label.
 */
import { performance } from 'node:perf_hooks';
import { MeshError } from '../../chassis/errors.js';
import { readSettings } from '../../chassis/settings.js';
import {
  type EncoderModel,
  type InferenceSettings,
  inferenceSettings,
  openEncoder,
  type Post,
} from '../../inference/index.js';
import type { Manifest, Measured, StoredModel } from '../../models/index.js';

/** Rounds over the sample, the quickest counts: what disturbs a measurement only ever makes it slower. */
const ROUNDS = 3;

/** Undefined where the model is none that this knows to compare (generation, bare tokenizers). */
export async function measurePair(
  before: StoredModel,
  after: StoredModel,
  texts: readonly string[],
): Promise<Measured | undefined> {
  const post = postOf(after.manifest);
  if (!post || after.manifest.architecture === 'none') return undefined;
  const settings = readSettings(inferenceSettings, { PLEXUS_WORKERS: '1' });
  const opened: EncoderModel[] = [];
  try {
    const first = await openIfSupported(before, settings);
    if (!first) return undefined;
    opened.push(first);
    // What could run before must run now: this one may fail.
    opened.push(await openEncoder(after, settings));
    const [old, young] = opened as [EncoderModel, EncoderModel];
    const best = { old: Number.POSITIVE_INFINITY, young: Number.POSITIVE_INFINITY };
    let outputs: { old: Float32Array[]; young: Float32Array[] } = { old: [], young: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      const first = await runAll(old, post, texts);
      const second = await runAll(young, post, texts);
      outputs = { old: first.outputs, young: second.outputs };
      if (round === 0) continue; // warms up
      best.old = Math.min(best.old, first.ms);
      best.young = Math.min(best.young, second.ms);
    }
    return {
      textsPerSecondBefore: round1((texts.length / best.old) * 1_000),
      textsPerSecondAfter: round1((texts.length / best.young) * 1_000),
      drift: driftOf(outputs.old, outputs.young, post.kind === 'logits'),
    };
  } finally {
    for (const model of opened) await model.close();
  }
}

/** Logits of a classifier for texts, in order, every text alone. */
export async function logitsOf(model: StoredModel, texts: readonly string[]): Promise<Float32Array[]> {
  const encoder = await openEncoder(model, readSettings(inferenceSettings, { PLEXUS_WORKERS: '1' }));
  try {
    return (await runAll(encoder, { kind: 'logits' }, texts)).outputs;
  } finally {
    await encoder.close();
  }
}

function postOf({ embed, classify }: Manifest): Post | undefined {
  if (embed?.sparse || classify?.level === 'token') return { kind: 'tokens' };
  if (embed) return { kind: 'pool', pooling: embed.pooling, normalize: true };
  return classify && { kind: 'logits' };
}

/** A model that inference cannot run (its input is no text) can be quantized all the same, but not measured. */
async function openIfSupported(model: StoredModel, settings: InferenceSettings): Promise<EncoderModel | undefined> {
  try {
    return await openEncoder(model, settings);
  } catch (error) {
    if (error instanceof MeshError && error.code === 'MODEL_UNSUPPORTED') return undefined;
    throw error;
  }
}

/** Every text alone, one after the other. */
async function runAll(
  model: EncoderModel,
  post: Post,
  texts: readonly string[],
): Promise<{ outputs: Float32Array[]; ms: number }> {
  const { signal } = new AbortController();
  const inputs = await model.texts.fit(
    texts.map((text) => ({ text })),
    { tokensMax: model.manifest.maxTokens, truncate: 'right', field: (index) => `sample[${index}]`, signal },
  );
  const outputs: Float32Array[] = [];
  const startedMs = performance.now();
  for (const { ids, typeIds } of inputs) {
    const { output } = await model.run(typeIds ? { ids, typeIds } : { ids }, post, {
      signal,
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    outputs.push(output.slice());
  }
  return { outputs, ms: performance.now() - startedMs };
}

/** Cosines between the outputs of two models, and how often the highest logit is the same. */
export function driftOf(
  before: readonly Float32Array[],
  after: readonly Float32Array[],
  labels: boolean,
): Measured['drift'] {
  const cosines = before.map((vector, index) => cosine(vector, after[index] as Float32Array));
  const same = before.filter((vector, index) => highest(vector) === highest(after[index] as Float32Array)).length;
  return {
    cosineMean: round6(cosines.reduce((sum, each) => sum + each, 0) / cosines.length),
    cosineMin: round6(Math.min(...cosines)),
    ...(labels && { sameLabel: round6(same / before.length) }),
    texts: before.length,
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, left, right] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] as number, b[index] as number];
    dot += x * y;
    left += x * x;
    right += y * y;
  }
  return left === 0 || right === 0 ? Number(left === right) : dot / Math.sqrt(left * right);
}

function highest(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] as number) ? index : best), 0);
}

const round1 = (value: number): number => Math.round(value * 10) / 10;
const round6 = (value: number): number => Math.round(value * 1e6) / 1e6;
