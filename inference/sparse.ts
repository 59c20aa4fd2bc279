/**
 * Scores of a masked-LM head to one weight a vocabulary entry (SPLADE): what a text would also have said, most weights zero. Runs
 * in the workers, because a row is as long as its tokens times the vocabulary.
 */

/** As sentence-transformers' SpladePooling has them. */
export interface SparseRule {
  /** Over the tokens of a text. */
  pooling: 'max' | 'sum';
  /** log(1 + relu(x)), or the same applied twice. */
  activation: 'relu' | 'log1p_relu';
}

export interface SparseOptions extends SparseRule {
  /** The heaviest so many; 0: all. */
  topK: number;
  /** Lowest weight that is kept; 0: all that are not zero. */
  threshold: number;
}

/** Ids are kept as float32 beside their weights, which is exact below this. */
export const SPARSE_WIDTH_MAX = 2 ** 24;

/** Scores of one batch, 32 MiB of them: 256 padded tokens of a vocabulary of 32,768, 33 of one of 250,000. */
const SCORES_MAX = 2 ** 23;
/**
 * What a run takes at its height for each byte of its scores: the product and its sum with a bias in the arena, which grows ahead,
 * and what is handed to JavaScript. 5.2 were seen for 64 tokens of a vocabulary of 250,000 (61 MiB of scores, onnxruntime 1.30).
 */
const BYTES_A_SCORE_BYTE = 5;

/** Padded tokens of a batch, where it would be `tokens` for a model that gives a vector a token. A longer text runs alone. */
export function scoredTokensMax(tokens: number, vocabulary: number): number {
  return Math.max(1, Math.min(tokens, Math.floor(SCORES_MAX / vocabulary)));
}

/** Memory of a run of so many padded tokens, in bytes. */
export function scoreBytes(tokens: number, vocabulary: number): number {
  return BYTES_A_SCORE_BYTE * Float32Array.BYTES_PER_ELEMENT * tokens * vocabulary;
}

/**
 * Id and weight, id and weight, ... heaviest first, equals by id, of `length` rows of `width` scores that begin at `from`.
 * No token gives nothing.
 */
export function sparseVector(
  scores: Float32Array,
  from: number,
  length: number,
  width: number,
  { pooling, activation, topK, threshold }: SparseOptions,
): Float32Array {
  const grow = activation === 'relu' ? Math.log1p : (x: number): number => Math.log1p(Math.log1p(x));
  const weights = new Float32Array(width);
  // Both activations rise with their argument, so the most of them is that of the most.
  for (let row = 0, place = from; row < length; row++) {
    for (let id = 0; id < width; id++, place++) {
      const score = scores[place] as number;
      if (!(score > 0)) continue;
      if (pooling === 'sum') weights[id] = (weights[id] as number) + grow(score);
      else if (score > (weights[id] as number)) weights[id] = score;
    }
  }
  const ids: number[] = [];
  for (let id = 0; id < width; id++) {
    if (weights[id] === 0) continue;
    if (pooling === 'max') weights[id] = grow(weights[id] as number);
    if ((weights[id] as number) >= threshold) ids.push(id);
  }
  ids.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  if (topK > 0 && ids.length > topK) ids.length = topK;
  const pairs = new Float32Array(ids.length * 2);
  for (const [index, id] of ids.entries()) {
    pairs[index * 2] = id;
    pairs[index * 2 + 1] = weights[id] as number;
  }
  return pairs;
}
