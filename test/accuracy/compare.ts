/** How a model of ours is held against what Python says of the same files. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readSettings } from '../../chassis/settings.js';
import { type EncoderModel, inferenceSettings, openEncoder } from '../../inference/index.js';
import type { StoredModel } from '../../models/index.js';
import { rank, softmax } from '../../services/classify/labels.js';
import { type Precision, type Reference, readTexts, type Text } from './references.js';

/** What was seen of one model; the numbers of docs/accuracy.md. */
export interface Seen {
  texts: number;
  /** Texts whose token ids differ. */
  ids: string[];
  /** Texts whose label order differs where Python's shares are further apart than TIE. */
  labels: string[];
  /** The smallest, and all of them. */
  cosine: number;
  cosines: number[];
  /** Whose cosine that is. */
  worst: string;
  /** Largest difference of a label's share; 0 for vectors. */
  share: number;
  /** Largest difference of a vector's length; 0 for logits. */
  length: number;
  /** Texts of which one answer is all zeros and the other is not. */
  zeros: string[];
}

const PROJECTED = 32;
const BEST = 3;
/** Shares this near are equal: which of two such labels comes first is decided by the last bit. */
const TIE = 1e-6;

/** int8 kernels differ between processors (VNNI or not), so int8 has more room. */
export const COSINE_MIN: Record<Precision, number> = { fp32: 0.9999, int8: 0.999 };

/** The model with every text a batch of its own, as the references were made: dynamic int8 takes its scales from the whole batch. */
export function openAlone(model: StoredModel): Promise<EncoderModel> {
  return openEncoder(model, readSettings(inferenceSettings, { PLEXUS_BATCH_ROWS: '1' }));
}

/** Runs the texts as a service would. Nothing is asserted but the sizes of the answers, so that what was seen can be shown whole. */
export async function compare(encoder: EncoderModel, reference: Reference, texts: readonly Text[]): Promise<Seen> {
  const seen: Seen = {
    texts: 0,
    ids: [],
    labels: [],
    cosine: 1,
    cosines: [],
    worst: 'none',
    share: 0,
    length: 0,
    zeros: [],
  };
  const { embed, maxTokens } = encoder.manifest;
  const post = reference.labels
    ? ({ kind: 'logits' } as const)
    : ({ kind: 'pool', pooling: embed?.pooling ?? 'mean', normalize: embed?.normalize ?? false } as const);
  const signs = reference.labels ? new Int8Array(0) : makeSigns(reference.width);
  const { signal } = new AbortController();
  const fitted = await encoder.texts.fit(
    texts.map(({ text }) => ({ text })),
    { tokensMax: maxTokens, truncate: 'right', field: String, signal },
  );
  const outputs = await encoder.runAll(fitted, post, { signal, deadlineMs: Number.POSITIVE_INFINITY });
  for (const [index, { kind, text }] of texts.entries()) {
    const shown = `${kind} ${index} ${JSON.stringify(text.slice(0, 40))}`;
    const bytes = Buffer.from(reference.rows[index] as string, 'base64');
    const { ids } = fitted[index] as (typeof fitted)[number];
    const { output } = outputs[index] as (typeof outputs)[number];
    assert.equal(output.length, reference.width, shown);
    seen.texts++;
    if (bytes.readUInt16LE(0) !== ids.length || !bytes.subarray(2, 8).equals(hashIds(ids))) seen.ids.push(shown);
    const cosine = reference.labels
      ? compareLogits(seen, shown, bytes.subarray(8), output, reference.labels)
      : compareVector(seen, shown, bytes.subarray(8), output, signs);
    seen.cosines.push(cosine);
    // Written so that NaN is the worst.
    if (!(cosine >= seen.cosine)) Object.assign(seen, { cosine, worst: shown });
  }
  return seen;
}

/** One line a model, for people. */
export function show(reference: Reference, seen: Seen): string {
  const label = reference.labels
    ? `${seen.labels.length} label orders, share ±${seen.share.toExponential(1)}`
    : 'vectors';
  return `${reference.model} ${reference.precision}: ${seen.texts} texts, ${seen.ids.length} ids differ, ${label}; smallest cosine ${seen.cosine.toFixed(9)} (${seen.worst})`;
}

/** What must hold; 0.02 of a share is room for int8 kernels of another processor. */
export function demand(reference: Reference, seen: Seen): void {
  assert.equal(seen.texts, 500);
  assert.deepEqual(seen.ids, [], 'token ids differ');
  assert.deepEqual(seen.zeros, [], 'one answer is zero, the other is not');
  assert(seen.cosine >= COSINE_MIN[reference.precision], `${seen.worst}: cosine ${seen.cosine}`);
  assert.deepEqual(seen.labels, [], 'labels come in another order');
  assert(seen.share <= (reference.precision === 'fp32' ? 1e-5 : 0.02), `a share is off by ${seen.share}`);
  assert(seen.length <= 1e-4, `a vector's length is off by ${seen.length}`);
}

/** Compares all texts, shows what was seen, and fails where `demand` is not met. */
export async function hold(encoder: EncoderModel, reference: Reference): Promise<void> {
  const { maxTokens, embed, classify } = encoder.manifest;
  assert.equal(maxTokens, reference.maxTokens);
  assert.equal(embed?.pooling, reference.pooling);
  assert.equal(embed?.normalize, reference.normalize);
  assert.deepEqual(classify?.labels, reference.labels);
  const seen = await compare(encoder, reference, readTexts());
  console.log(`      ${show(reference, seen)}`);
  demand(reference, seen);
}

function compareVector(seen: Seen, shown: string, bytes: Buffer, output: Float32Array, signs: Int8Array): number {
  const expectedLength = bytes.readFloatLE(0);
  const length = Math.hypot(...output);
  seen.length = Math.max(seen.length, Math.abs(length - expectedLength));
  if (length === 0 || expectedLength === 0) {
    if (length !== expectedLength) seen.zeros.push(shown);
    return 1;
  }
  let squares = 0;
  for (let row = 0; row < PROJECTED; row++) {
    let sum = 0;
    for (let column = 0; column < output.length; column++)
      sum += (signs[row * output.length + column] as number) * (output[column] as number);
    squares += (sum / length / Math.sqrt(PROJECTED) - bytes.readInt16LE(4 + row * 2) / 2 ** 14) ** 2;
  }
  return 1 - squares / 2; // of vectors of length 1
}

function compareLogits(seen: Seen, shown: string, bytes: Buffer, output: Float32Array, labels: string[]): number {
  const expected = Float32Array.from(labels, (_, index) => bytes.readFloatLE(index * 4));
  const expectedShares = softmax(expected);
  const shares = softmax(output);
  // In order: no label is followed by one that Python puts clearly before it.
  let lowest = Number.POSITIVE_INFINITY;
  for (const label of rank(shares, { topK: 0, threshold: Number.NEGATIVE_INFINITY })) {
    const share = expectedShares[label] as number;
    if (share > lowest + TIE) {
      seen.labels.push(shown);
      break;
    }
    lowest = Math.min(lowest, share);
  }
  // Against Python's own softmax and sorting.
  for (let place = 0, at = labels.length * 4; place < Math.min(BEST, labels.length); place++, at += 6) {
    const ours = shares[bytes.readUInt16LE(at)] as number;
    seen.share = Math.max(seen.share, Math.abs(ours - bytes.readFloatLE(at + 2)));
  }
  return cosineOf(output, expected);
}

function cosineOf(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    dot += (a[index] as number) * (b[index] as number);
    aa += (a[index] as number) ** 2;
    bb += (b[index] as number) ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

function hashIds(ids: Int32Array): Buffer {
  const bytes = Buffer.alloc(ids.length * 4);
  ids.forEach((id, index) => {
    bytes.writeInt32LE(id, index * 4);
  });
  return createHash('sha256').update(bytes).digest().subarray(0, 6);
}

/** PROJECTED rows of +1 and -1 from xorshift32, the same as in reference.py. */
function makeSigns(width: number): Int8Array {
  let state = 0x9e3779b9;
  return Int8Array.from({ length: PROJECTED * width }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state < 0 ? 1 : -1;
  });
}
