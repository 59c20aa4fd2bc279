/** Scores to labels, best first. */

export interface LabelOptions {
  /** 0: all. */
  topK: number;
  /** Lowest score that is kept; -Infinity: all. */
  threshold: number;
}

/** Against all others: sums to 1. */
export function softmax(scores: ArrayLike<number>): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < scores.length; index++) most = Math.max(most, scores[index] as number);
  const shares = new Float64Array(scores.length);
  let sum = 0;
  for (let index = 0; index < scores.length; index++) {
    shares[index] = Math.exp((scores[index] as number) - most); // the greatest becomes 1: no overflow
    sum += shares[index] as number;
  }
  for (let index = 0; index < shares.length; index++) shares[index] = (shares[index] as number) / sum;
  return shares;
}

/** Each on its own: 0 to 1. */
export function sigmoid(scores: ArrayLike<number>): Float64Array {
  return Float64Array.from(scores, (score) => 1 / (1 + Math.exp(-score)));
}

/** Places of one text's labels: those at or above the threshold, best first, equals in the order of the model, at most topK. */
export function rank(scores: ArrayLike<number>, { topK, threshold }: LabelOptions): number[] {
  const order: number[] = [];
  for (let label = 0; label < scores.length; label++) if ((scores[label] as number) >= threshold) order.push(label);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  if (topK > 0 && order.length > topK) order.length = topK;
  return order;
}
