/** Which of all that was measured nobody beats: no other load step answered more requests with a lower p99. */
import type { Candidate } from './candidate.js';
import type { LoadStep } from './load.js';

export interface Measured {
  candidate: Candidate;
  step: LoadStep;
}

/** By requests a second, rising; so is p99. Steps that failed are nobody's best. */
export function frontier(all: readonly Measured[]): Measured[] {
  const found: Measured[] = [];
  const falling = all
    .filter(({ step }) => Number.isFinite(step.p99Ms))
    .sort((a, b) => b.step.requestsPerSecond - a.step.requestsPerSecond || a.step.p99Ms - b.step.p99Ms);
  let best = Number.POSITIVE_INFINITY;
  for (const each of falling) {
    if (each.step.p99Ms >= best) continue;
    best = each.step.p99Ms;
    found.push(each);
  }
  return found.reverse();
}
