/** Inputs that brought a worker down twice, by digest: refused for a while without being tried. Bounded; the oldest is forgotten first. */
import { createHash } from 'node:crypto';
import type { Clock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';

/** Anything that can wait for a model and be run by it. */
export interface Input {
  /** What it weighs in a batch and in the queue: tokens of a text, KiB of tensors. */
  readonly weight: number;
  /** The bytes that make it what it is: equal ones do the same to a model. Asked for only where a worker has died. */
  identity(): Iterable<Uint8Array>;
}

export interface Quarantine {
  /** Throws INPUT_QUARANTINED where the input is held. Costs nothing while nobody is. */
  check(input: Input): void;
  /** Holds the input; returns the error its caller gets. */
  hold(input: Input): MeshError;
  readonly size: number;
}

const HELD_MAX = 1_024;

export function createQuarantine(options: { name: string; holdMs: number; clock: Clock }): Quarantine {
  const { name, holdMs, clock } = options;
  const heldUntilMs = new Map<string, number>();
  const error = (): MeshError =>
    new MeshError('INPUT_QUARANTINED', `${name}: this input brought a worker down twice and is refused for a while`, {
      facts: { model: name },
    });
  return {
    check(input) {
      if (heldUntilMs.size === 0) return;
      const key = digest(input);
      const untilMs = heldUntilMs.get(key);
      if (untilMs === undefined) return;
      if (untilMs > clock.now()) throw error();
      heldUntilMs.delete(key);
    },
    hold(input) {
      if (heldUntilMs.size >= HELD_MAX) heldUntilMs.delete(heldUntilMs.keys().next().value as string);
      heldUntilMs.set(digest(input), clock.now() + holdMs);
      return error();
    },
    get size() {
      return heldUntilMs.size;
    },
  };
}

function digest(input: Input): string {
  const hash = createHash('sha256');
  for (const part of input.identity()) hash.update(`${part.length}|`).update(part);
  return hash.digest('base64');
}
