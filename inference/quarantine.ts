/** Inputs that brought a worker down twice, by digest: refused for a while without being tried. Bounded; the oldest is forgotten first. */
import { createHash } from 'node:crypto';
import type { Clock } from '../chassis/clock.js';
import { MeshError } from '../chassis/errors.js';

/** What identifies an input to its model. */
export interface Input {
  readonly ids: Int32Array;
  readonly typeIds?: Uint8Array | undefined;
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

function digest({ ids, typeIds }: Input): string {
  const hash = createHash('sha256').update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  if (typeIds) hash.update('|').update(typeIds);
  return hash.digest('base64');
}
