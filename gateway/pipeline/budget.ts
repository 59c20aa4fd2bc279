/**
 * The deadline of a run, shared out by critical path. Each step may take what is left, less the time that the longest chain of
 * steps after it has been seen to need: a slow step ends while there is still time to go on without it, and never later than
 * the whole. Until times have been seen nothing is held back; at most half of what is left ever is.
 */
import type { Plan } from './plan.js';

/** Weight of the newest time in the moving average. */
const NEWEST = 0.2;

export interface Budget {
  /** Milliseconds a step took, seen once more. */
  observe(step: string, ms: number): void;
  /** Average of a step so far; 0 where unseen. */
  expected(step: string): number;
}

export function createBudget(): Budget {
  const averages = new Map<string, number>();
  return {
    observe(step, ms) {
      const before = averages.get(step);
      averages.set(step, before === undefined ? ms : before + (ms - before) * NEWEST);
    },
    expected: (step) => averages.get(step) ?? 0,
  };
}

/** Milliseconds to hold back for what comes after `step`, of `leftMs`. */
export function reserveAfter(plan: Plan, step: string, leftMs: number): number {
  const known = new Map<string, number>();
  const after = (name: string): number => {
    let longest = known.get(name);
    if (longest !== undefined) return longest;
    longest = 0;
    known.set(name, longest); // plans have no cycles; this only keeps a mistake from recursing for ever
    for (const next of plan.steps) {
      if (!next.lazy && next.needs.includes(name))
        longest = Math.max(longest, plan.budget.expected(next.name) + after(next.name));
    }
    known.set(name, longest);
    return longest;
  };
  return Math.min(after(step), Math.max(0, leftMs) / 2);
}
