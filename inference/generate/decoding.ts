/**
 * What the strategies of decoding have in common: a request is a set of rows; each step they read one row of logits each and
 * say which tokens come next and from which row each continues. Pure arithmetic: no tensors, no threads, no clock.
 */

/** Logits of a row of the last step. The array is shared: copy before changing it. */
export type RowLogits = (row: number) => Float32Array;

export type Finish = 'eos' | 'length' | 'stop' | 'repetition';

/** One result: what was generated, the end token included, the prompt and the start token not. */
export interface Generated {
  ids: number[];
  /** Sum of log-probabilities; under beams divided by length ** length_penalty. 0 for greedy decoding without returnLogprobs. */
  score: number;
  /** One an id where asked for, else empty. Of the processed scores, as transformers' compute_transition_scores. */
  logprobs: number[];
  finish: Finish;
}

export type Step =
  | {
      at: 'more';
      /** The next token of each row. */
      tokens: number[];
      /** The row of the last step that each continues. */
      parents: number[];
      /** Token of the first result made certain by this step; undefined under beams, where nothing is certain before the end. */
      certain?: { id: number; logprob: number };
    }
  | { at: 'done'; results: Generated[]; certain?: { id: number; logprob: number } };

export interface Decoding {
  /** Rows the next step reads. All of them continue the prompt at first. */
  readonly rows: number;
  advance(logits: RowLogits): Step;
}

/** Says whether the text of these generated ids has a stop string that ends in its last token. */
export type StopCheck = (ids: readonly number[]) => boolean;

/** Log of the sum of exponentials. */
export function logSumExp(scores: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) if ((scores[id] as number) > max) max = scores[id] as number;
  // What is 25 below the top adds less than 2e-11 each: leaving it out saves most of the exponentials of a peaked row.
  const floor = max - 25;
  let sum = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] as number;
    if (score > floor) sum += Math.exp(score - max);
  }
  return max + Math.log(sum);
}

/** The first of the largest. */
export function argmax(scores: Float32Array): number {
  let best = 0;
  let max = scores[0] as number;
  for (let id = 1; id < scores.length; id++) {
    if ((scores[id] as number) > max) {
      max = scores[id] as number;
      best = id;
    }
  }
  return best;
}
