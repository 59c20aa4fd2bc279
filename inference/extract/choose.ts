/**
 * Which sentences to keep, greedily: the best by score, then always the best by score less what it repeats of those already kept,
 * until the summary is as long as was asked for. The order of the source is kept.
 */
import type { Turns } from '../turns.js';
import { dot } from './features.js';

/** How much may be chosen. `cost` of a sentence counts against `budget`; at least one sentence is always chosen. */
export interface Budget {
  sentencesMax: number;
  /** Words or tokens of each sentence, and how many in all; undefined where only sentences count. */
  costs?: { of: readonly number[]; budget: number };
}

export interface Chosen {
  /** Place in the source. */
  index: number;
  /** Its score when it was chosen, repetition taken off. */
  score: number;
}

export async function choose(
  scores: readonly number[],
  vectors: readonly ArrayLike<number>[],
  novelty: number,
  { sentencesMax, costs }: Budget,
  turns: Turns,
): Promise<Chosen[]> {
  const chosen: Chosen[] = [];
  const taken = new Set<number>();
  const closest = new Float64Array(scores.length);
  let left = costs?.budget ?? Number.POSITIVE_INFINITY;
  // A budget below the shortest sentence: one sentence is more than was asked for, none would be no summary.
  const tooTight = costs?.of.every((cost) => cost > costs.budget) ?? false;
  while (chosen.length < Math.min(sentencesMax, scores.length)) {
    const turn = turns.take();
    if (turn) await turn;
    const startedMs = performance.now();
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < scores.length; index++) {
      if (taken.has(index)) continue;
      if (costs && !tooTight && (costs.of[index] as number) > left) continue;
      const score = (scores[index] as number) - novelty * (closest[index] as number);
      if (score > bestScore) {
        bestScore = score;
        best = index; // the earliest of equals
      }
    }
    if (best < 0) break;
    taken.add(best);
    chosen.push({ index: best, score: bestScore });
    left -= costs?.of[best] ?? 0;
    if (left <= 0) break;
    for (let index = 0; index < scores.length; index++) {
      const near = dot(vectors[best] as ArrayLike<number>, vectors[index] as ArrayLike<number>);
      if (near > (closest[index] as number)) closest[index] = near;
    }
    turns.spent(performance.now() - startedMs);
  }
  return chosen.sort((a, b) => a.index - b.index);
}
