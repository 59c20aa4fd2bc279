/**
 * Outlier ejection: an instance that fails again and again while its siblings do not is taken out. Unlike the breaker it
 * judges by comparison, acts after a handful of calls, and never takes more than half of the instances: if all fail, the
 * fault lies elsewhere. Who is out comes back by a probe (recovery.ts).
 */
import type { Observer } from './endpoint.js';
import type { Outcome } from './outcome.js';

export interface Ejector extends Observer {
  /** Failures in a row. */
  readonly failures: number;
  reset(): void;
}

/** `mayEject` asks the cluster whether one more may go; `eject` does it. */
export function createEjector(options: { after: number; mayEject: () => boolean; eject: () => void }): Ejector {
  let failures = 0;
  return {
    get failures() {
      return failures;
    },
    reset() {
      failures = 0;
    },
    end({ verdict }: Outcome) {
      if (verdict === 'answered') failures = 0;
      else if (verdict === 'failed' && ++failures >= options.after && options.mayEject()) options.eject();
    },
  };
}
