/**
 * Peak EWMA of an instance's latency (Finagle): a slower answer counts at once, a faster one only as time passes, so one bad
 * sign is believed and forgotten slowly. Shorter than
 * Finagle's 10 s, because model services recover within seconds; much shorter, and a slow instance gets a trial call too often.
 */

/** Time constant of forgetting: after 6 s without samples a peak counts 37 %, after 18 s 5 %. */
export const EWMA_TAU_MS = 6_000;

export class PeakEwma {
  #ms = 0;
  #atMs = 0;
  /** False until the first sample. */
  known = false;
  /** Average of real answers alone, milliseconds; 0 before the first. What penalties are measured by. */
  answeredMs = 0;

  /** `nowMs` is monotonic. */
  observe(ms: number, nowMs: number): void {
    if (!this.known || ms > this.#ms) this.#ms = ms;
    else {
      const keep = Math.exp((this.#atMs - nowMs) / EWMA_TAU_MS);
      this.#ms = this.#ms * keep + ms * (1 - keep);
    }
    this.#atMs = nowMs;
    this.known = true;
  }

  /** An answer, not a penalty. */
  answered(ms: number, nowMs: number): void {
    this.answeredMs = this.answeredMs === 0 ? ms : this.answeredMs * 0.9 + ms * 0.1;
    this.observe(ms, nowMs);
  }

  /** The value now: it fades without samples, so that a slow instance gets a trial call in the end. */
  valueMs(nowMs: number): number {
    return this.#ms * Math.exp((this.#atMs - nowMs) / EWMA_TAU_MS);
  }

  /** Forgets everything: the instance came back and is a new one. */
  reset(): void {
    this.#ms = 0;
    this.known = false;
    this.answeredMs = 0;
  }
}
