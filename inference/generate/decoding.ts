/**
 * What the strategies of decoding have in common: a request is a set of rows; each step they read one row of logits each and
 * say which tokens come next and from which row each continues. Pure arithmetic: no tensors, no threads, no clock.
 */

import type { Top, Wanted } from './graph.js';
import type { Ranked } from './ranking.js';

/**
 * Logits of a row of the last step, which may be changed: nobody reads them again. Before the first step all rows are the same
 * array; it must be processed once only.
 */
export type RowLogits = (row: number) => Float32Array;

export type RowRanks = (row: number) => Ranked;
export type RowTop = (row: number) => Top;

/** What a decoding reads of its next step. */
export interface Needs extends Wanted {
  /** Likeliest tokens of each row it would have ranked; 0 for none. */
  ranks: number;
}

/** What a step gave, by row of the decoding. */
export interface StepRows {
  /** Throws where nobody needed them. */
  logits: RowLogits;
  /** What was asked for by `ranks`, where it could be had. */
  ranked?: RowRanks | undefined;
  /** What was asked for by `top`, where it could be had; else the logits are there. */
  top?: RowTop | undefined;
}

export type Finish = 'eos' | 'length' | 'stop' | 'repetition';

/** One result: what was generated, the end token included, the prompt and the start token not. */
export interface Generated {
  ids: number[];
  /** Sum of log-probabilities; under beams divided by length ** length_penalty. undefined for greedy decoding without returnLogprobs. */
  score: number | undefined;
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
  readonly needs: Needs;
  advance(rows: StepRows): Step;
}

/** Says whether the text of these generated ids has a stop string that ends in its last token. */
export type StopCheck = (ids: readonly number[]) => boolean;

/** True where two rows are the same memory. */
export function sameRow(a: Float32Array | undefined, b: Float32Array): boolean {
  return a !== undefined && a.buffer === b.buffer && a.byteOffset === b.byteOffset;
}

/** Log of the sum of exponentials. */
export function logSumExp(scores: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) if ((scores[id] as number) > max) max = scores[id] as number;
  // What is 25 below the top adds less than 2e-11 each: leaving it out saves most of the exponentials of a peaked row.
  const floor = max - 25;
  let sum = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] as number;
    if (score > floor) {
      // exp by hand, 2^whole times a polynomial of the rest (relative error below 1e-9), a fraction of Math.exp's time: this loop is
      // most of what beam search does outside the graph.
      const power = (score - max) * Math.LOG2E + 40;
      const whole = (power + 0.5) | 0;
      const rest = (power - whole) * Math.LN2;
      sum +=
        (POWERS[whole] as number) *
        (1 +
          rest *
            (1 +
              rest *
                (1 / 2 +
                  rest *
                    (1 / 6 +
                      rest * (1 / 24 + rest * (1 / 120 + rest * (1 / 720 + rest * (1 / 5040 + rest / 40_320))))))));
    }
  }
  if (max === Number.NEGATIVE_INFINITY) throw new Error('the logits are not numbers, or every token is forbidden');
  return number(max + Math.log(sum));
}

/** A model that overflows gives NaN; going on would write nonsense to its end. */
export function number(value: number): number {
  if (Number.isNaN(value)) throw new Error('the logits are not numbers');
  return value;
}

/** 2^-40 to 2^0. */
const POWERS = Float64Array.from({ length: 41 }, (_, index) => 2 ** (index - 40));

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
  number(max);
  return best;
}
