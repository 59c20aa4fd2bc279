/**
 * Feeds the latency that the balancer compares. Answers count as they are; a fast refusal counts as slow, or the fullest
 * instance would look like the fastest and draw all calls. A failure counts as slow too. A cut attempt counts as what it
 * lasted, at least. Where another instance won, each further one without an answer in between counts as twice as much: hedges
 * that win again and again would hide how slow the instance really is, and let it be tried again and again.
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
  let beatings = 0;
  return {
    end({ verdict, ms, beaten, nowMs }: Outcome) {
      if (verdict === 'answered') {
        if (ms === undefined) return;
        beatings = 0;
        load.answered(ms, nowMs);
      } else if (verdict === 'refused' || verdict === 'failed')
        load.observe(Math.max(ms ?? 0, REFUSED_MS_MIN, siblingMs() * 2), nowMs);
      else if (verdict === 'unknown' && load.known && ms !== undefined) {
        const leastMs = beaten ? ms * 2 ** Math.min(beatings++, DOUBLINGS_MAX) : ms;
        if (leastMs > load.valueMs(nowMs)) load.observe(leastMs, nowMs); // else it might have been as quick as ever
      }
    },
  };
}
