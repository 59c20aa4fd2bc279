/**
 * A refusal of the stack's own: nothing was sent. The layers above tell it by this class from the same code that came over the
 * wire, whose facts say `layer` too where the instance is a gateway with a stack of its own: what another gateway refuses is
 * worth another instance, what this one refuses is not.
 */
import { type ErrorCode, MeshError } from '../../chassis/errors.js';

export type RefusingLayer = 'throttle' | 'bulkhead' | 'retry' | 'balance' | 'breaker';

export class Refusal extends MeshError {
  readonly layer: RefusingLayer;
  /** True where an instance may come into rotation any moment. */
  readonly soon: boolean;

  /** `layer` is among the facts too, for whoever reads the error elsewhere. */
  constructor(
    layer: RefusingLayer,
    code: ErrorCode,
    message: string,
    { retryAfterMs, facts, soon = false }: { retryAfterMs: number; facts?: Record<string, string>; soon?: boolean },
  ) {
    super(code, message, { retryAfterMs, facts: { layer, ...facts } });
    this.layer = layer;
    this.soon = soon;
  }
}
