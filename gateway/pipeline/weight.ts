/** Weighted choice, by chance or by a key that always chooses the same. */
import type { Leaf } from './plan.js';

/** The branch in whose share of the weights `point` (0 to 1) falls. */
export function pick(branches: readonly { weight: number; action: Leaf }[], point: number): Leaf {
  const total = branches.reduce((sum, { weight }) => sum + weight, 0);
  let left = point * total;
  for (const { weight, action } of branches) {
    if (left < weight) return action;
    left -= weight;
  }
  return (branches.findLast(({ weight }) => weight > 0) ?? branches[0])?.action as Leaf;
}

/**
 * The same text, always the same point from 0 to 1. FNV-1a, then the finalizer of MurmurHash3: without it texts that differ
 * only at their end ("user 1", "user 2") lie close together and nearly all take the same branch.
 */
export function share(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
