/**
 * From processed scores to the probabilities that sampling draws from: temperature, top_k, top_p, min_p, typical_p, in
 * transformers' order. Only what is left is carried along, so that the usual top_k keeps the rest cheap.
 */
import type { Resolved } from './parameters.js';

/** Tokens that may be drawn and their probabilities; they sum to 1. */
export interface Choice {
  ids: Int32Array;
  probabilities: Float64Array;
}

/** What the warpers read of a request. */
export type Warping = Pick<Resolved, 'temperature' | 'topK' | 'topP' | 'minP' | 'typicalP'>;

/** `keepMin`: tokens that no warper may go below: 1, or one more than there are end tokens under beams. */
export function warp(scores: Float32Array, given: Warping, keepMin = 1): Choice {
  let left = candidates(scores, given.topK === 0 ? scores.length : Math.max(given.topK, keepMin));
  const temperature = Math.fround(given.temperature);
  let values = left.map((id) => Math.fround((scores[id] as number) / temperature));
  const keep = (chosen: (index: number) => boolean): void => {
    const before = left;
    const beforeValues = values;
    left = before.filter((_id, index) => chosen(index));
    values = beforeValues.filter((_value, index) => chosen(index));
  };
  // `left` stands by falling score from here on.
  if (given.topP < 1) {
    const probabilities = softmax(values);
    const dropped = new Uint8Array(left.length);
    let tail = 0;
    for (let index = left.length - 1; index >= keepMin; index--) {
      tail += probabilities[index] as number;
      if (Math.fround(tail) <= Math.fround(1 - given.topP)) dropped[index] = 1;
    }
    keep((index) => dropped[index] === 0);
  }
  if (given.minP > 0) {
    const probabilities = softmax(values);
    const threshold = given.minP * (probabilities[0] as number);
    keep((index) => index < keepMin || (probabilities[index] as number) >= threshold);
  }
  if (given.typicalP < 1) {
    const kept = typical(values, given.typicalP, keepMin);
    keep((index) => kept.has(index));
  }
  return { ids: Int32Array.from(left), probabilities: softmax(values) };
}

/** The ids of the best `count` scores by falling score; ties with the last of them stay, as in transformers. */
function candidates(scores: Float32Array, count: number): number[] {
  let finite: number[] = [];
  if (count < scores.length / 4) {
    const limit = kthLargest(scores, count);
    for (let id = 0; id < scores.length; id++) if ((scores[id] as number) >= limit) finite.push(id);
  } else finite = Array.from(scores.keys());
  finite = finite.filter((id) => (scores[id] as number) > Number.NEGATIVE_INFINITY);
  finite.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  if (finite.length > count) {
    const limit = scores[finite[count - 1] as number] as number;
    finite = finite.filter((id) => (scores[id] as number) >= limit);
  }
  return finite;
}

/** The value of the `count`-th largest score, by a bounded heap whose smallest is on top. */
export function kthLargest(scores: Float32Array, count: number): number {
  const heap = new Float32Array(count).fill(Number.NEGATIVE_INFINITY);
  for (let id = 0; id < scores.length; id++) {
    const value = scores[id] as number;
    if (!(value > (heap[0] as number))) continue;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= value) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = value;
  }
  return heap[0] as number;
}

/** Indices of the tokens whose information is closest to the entropy, until `mass` is reached. */
function typical(values: readonly number[], mass: number, keepMin: number): Set<number> {
  const probabilities = softmax(values);
  let entropy = 0;
  for (const probability of probabilities) if (probability > 0) entropy -= probability * Math.log(probability);
  const distance = Array.from(probabilities, (probability) => Math.abs(-Math.log(probability) - entropy));
  const order = [...distance.keys()].sort((a, b) => (distance[a] as number) - (distance[b] as number) || a - b);
  let sum = 0;
  let last = 0;
  for (const index of order) {
    sum += probabilities[index] as number;
    if (sum < mass) last++;
  }
  const limit = distance[order[Math.min(last, order.length - 1)] as number] as number;
  return new Set(order.filter((index, place) => place < keepMin || (distance[index] as number) <= limit));
}

function softmax(values: readonly number[]): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > max) max = value;
  const found = new Float64Array(values.length);
  let sum = 0;
  for (let index = 0; index < values.length; index++) {
    const value = Math.exp((values[index] as number) - max);
    found[index] = value;
    sum += value;
  }
  for (let index = 0; index < found.length; index++) found[index] = (found[index] as number) / sum;
  return found;
}
