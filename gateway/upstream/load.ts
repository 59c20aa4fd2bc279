/**
 * Feeds the latency that the balancer compares. Answers count as they are; a fast refusal counts as slow, or the fullest
 * instance would look like the fastest and draw all calls. A failure counts as slow too. Cut attempts count as what they
 * lasted: at least that slow.
 */
import type { Clock } from '../../chassis/clock.js';
import type { Observer } from './endpoint.js';
import type { PeakEwma } from './ewma.js';
import type { Outcome } from './outcome.js';

/** A refusal counts at least this much, where nothing is known to compare with. */
const REFUSED_MS_MIN = 50;

export function createLoad(load: PeakEwma, options: { siblingMs: () => number; clock: Clock }): Observer {
  const { siblingMs, clock } = options;
  return {
    end({ verdict, ms, error }: Outcome) {
      const nowMs = clock.monotonic();
      if (verdict === 'refused' || verdict === 'failed')
        load.observe(Math.max(ms, REFUSED_MS_MIN, siblingMs() * 2), nowMs);
      else if (verdict === 'answered' || (error && load.known && ms > load.valueMs(nowMs))) load.observe(ms, nowMs);
    },
  };
}
