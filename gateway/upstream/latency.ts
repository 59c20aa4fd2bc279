/**
 * Live percentiles of a method's latency: a histogram with 19 % wide buckets over the last 5 to 10 seconds (two halves, the
 * older one dropped in turn). Recording is one logarithm and one increment.
 */

const BUCKETS = 96;
/** Bucket i holds up to 2^(i/4) * 0.05 ms: 0.05 ms to about 10 minutes. */
const UNIT_MS = 0.05;
const HALF_MS = 5_000;

export class Latency {
  #recent = new Uint32Array(BUCKETS);
  #older = new Uint32Array(BUCKETS);
  #since = 0;
  #count = 0;
  #olderCount = 0;
  readonly #cached = new Map<number, { ms: number; untilMs: number }>();

  /** `nowMs` is monotonic. */
  record(ms: number, nowMs: number): void {
    this.#turn(nowMs);
    const index = ms <= UNIT_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(ms / UNIT_MS) * 4));
    this.#recent[index] = (this.#recent[index] as number) + 1;
    this.#count++;
  }

  /** Samples in the window. */
  count(nowMs: number): number {
    this.#turn(nowMs);
    return this.#count + this.#olderCount;
  }

  /** Upper bound of the bucket the quantile lies in; undefined without samples. Computed at most every 50 ms. */
  quantileMs(quantile: number, nowMs: number): number | undefined {
    const known = this.#cached.get(quantile);
    if (known && nowMs < known.untilMs) return known.ms;
    const total = this.count(nowMs);
    if (total === 0) return undefined;
    let left = Math.ceil(total * quantile);
    let index = 0;
    for (; index < BUCKETS - 1; index++) {
      left -= (this.#recent[index] as number) + (this.#older[index] as number);
      if (left <= 0) break;
    }
    const ms = UNIT_MS * 2 ** (index / 4);
    this.#cached.set(quantile, { ms, untilMs: nowMs + 50 });
    return ms;
  }

  #turn(nowMs: number): void {
    if (nowMs - this.#since < HALF_MS) return;
    const stale = nowMs - this.#since >= 2 * HALF_MS;
    [this.#older, this.#recent] = [this.#recent, this.#older.fill(0)];
    this.#olderCount = stale ? 0 : this.#count;
    if (stale) this.#older.fill(0);
    this.#count = 0;
    this.#since = nowMs;
    this.#cached.clear();
  }
}
