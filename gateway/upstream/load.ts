/**
 * Feeds the latency that the balancer compares. Answers count as they are; a fast refusal counts as slow, or the fullest
 * instance would look like the fastest and draw all calls. A failure counts as slow too. A cut attempt counts as what it
 * lasted, at least, and each further one without an answer in between as twice as much: hedges that win again and again
 * would hide how slow the instance really is.
 */
import type { Observer } from './endpoint.js';
import type { PeakEwma } from './ewma.js';
import type { Outcome } from './outcome.js';

/** A refusal counts at least this much, where nothing is known to compare with. */
const REFUSED_MS_MIN = 50;
/** Doublings at most: 32 times what the cut attempt lasted. */
const DOUBLINGS_MAX = 5;

export function createLoad(load: PeakEwma, options: { siblingMs: () => number }): Observer {
  const { siblingMs } = options;
  let cuts = 0;
  return {
    end({ verdict, ms, error, nowMs }: Outcome) {
      if (verdict === 'answered') {
        if (ms === undefined) return;
        cuts = 0;
        load.answered(ms, nowMs);
      } else if (verdict === 'refused' || verdict === 'failed')
        load.observe(Math.max(ms ?? 0, REFUSED_MS_MIN, siblingMs() * 2), nowMs);
      else if (verdict === 'unknown' && error && load.known && ms !== undefined) {
        const late = error.code === 'DEADLINE_EXCEEDED';
        const leastMs = late ? ms : ms * 2 ** Math.min(cuts, DOUBLINGS_MAX);
        if (leastMs <= load.valueMs(nowMs)) return; // it might have been as quick as ever
        if (!late) cuts++;
        load.observe(leastMs, nowMs);
      }
    },
  };
}
