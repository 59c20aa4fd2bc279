/**
 * Tells whoever calls how busy this process is, with every answer (chassis/load-report.ts): a gateway sees so what other
 * gateways have put into the queue before its own next call waits behind it.
 */
import type { Clock } from '../chassis/clock.js';
import type { Interceptor } from '../chassis/interceptors/interceptor.js';
import { encodeLoadReport, LOAD_REPORT_KEY } from '../chassis/load-report.js';
import type { RunningStats } from '../inference/index.js';

export interface LoadReporterOptions {
  /** The statistics of every model that runs. */
  stats: () => readonly RunningStats[];
  /** Processor cores this process may use. */
  cores: number;
  /** Microseconds of processor time used so far. */
  cpuUs: () => number;
  clock: Clock;
}

/** A report is made anew after so long: the numbers of a moment say little, and a busy service ends thousands of calls a second. */
const FRESH_MS = 50;
/** Rates are taken over at least so long. */
const RATE_MS = 500;

export function createLoadReporter({ stats, cores, cpuUs, clock }: LoadReporterOptions): Interceptor {
  let madeMs = Number.NEGATIVE_INFINITY;
  let report = '';
  let calls = 0;
  let failures = 0;
  let since = { ms: clock.monotonic(), cpuUs: cpuUs(), calls: 0, failures: 0, computed: 0, waiting: false };
  let rates = { cpuUtilization: 0, rps: 0, eps: 0 };
  /** Tokens computed a millisecond while others waited: what the queue moves by. */
  let tokensPerMs = 0;

  const make = (nowMs: number): string => {
    let [tokens, texts, computed] = [0, 0, 0];
    for (const { queueTokens, queueLength, paddedTokens } of stats()) {
      tokens += queueTokens;
      texts += queueLength;
      computed += paddedTokens;
    }
    const passedMs = nowMs - since.ms;
    if (passedMs >= RATE_MS) {
      rates = {
        cpuUtilization: Math.min(1, (cpuUs() - since.cpuUs) / 1_000 / passedMs / cores),
        rps: ((calls - since.calls) / passedMs) * 1_000,
        eps: ((failures - since.failures) / passedMs) * 1_000,
      };
      const busyRate = (computed - since.computed) / passedMs;
      if (since.waiting && tokens > 0 && busyRate > 0)
        tokensPerMs = tokensPerMs === 0 ? busyRate : tokensPerMs * 0.7 + busyRate * 0.3;
      since = { ms: nowMs, cpuUs: cpuUs(), calls, failures, computed, waiting: tokens > 0 };
    }
    const queueMs = tokensPerMs > 0 ? tokens / tokensPerMs : 0;
    return encodeLoadReport({
      ...rates,
      named: { queue_ms: Math.round(queueMs), queue_tokens: tokens, queue_texts: texts },
    });
  };

  return {
    begin: (context) => (error) => {
      calls++;
      if (error) failures++;
      const nowMs = clock.monotonic();
      if (nowMs - madeMs >= FRESH_MS) {
        madeMs = nowMs;
        report = make(nowMs);
      }
      context.setTrailer(LOAD_REPORT_KEY, report);
    },
  };
}
