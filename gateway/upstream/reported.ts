/**
 * What an instance said of its own queue, in the load reports that come with its answers. It knows of the calls of other
 * gateways; what is measured here only learns of them by waiting behind them.
 */
import { decodeLoadReport } from '../../chassis/load-report.js';

/** A report older than this says nothing. */
const REPORT_MS_MAX = 2_000;
/** A queue is believed to be this long at most: one wrong report should not shut an instance out. */
const QUEUE_MS_MAX = 10_000;

export class Reported {
  #report = '';
  #queueMs = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  /** Takes a report in; false where it is none. `nowMs` is monotonic. */
  take(report: string, nowMs: number): boolean {
    if (report !== this.#report) {
      // Reports are made anew every 50 ms or so: most are the one before.
      const read = decodeLoadReport(report);
      if (!read) return false;
      this.#report = report;
      this.#queueMs = Math.min(read.named.queue_ms ?? 0, QUEUE_MS_MAX);
    }
    this.#atMs = nowMs;
    return true;
  }

  /** Milliseconds a call would wait there now: the queue moves on as time passes. */
  queueMs(nowMs: number): number {
    const ageMs = nowMs - this.#atMs;
    return ageMs > REPORT_MS_MAX ? 0 : Math.max(0, this.#queueMs - ageMs);
  }
}
