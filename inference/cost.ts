/**
 * What a batch costs on this machine, learned online from the batches that ran: milliseconds of one worker as a line over padded
 * tokens (a run costs something before its first token), old batches forgotten by halves, and how far single runs are off that
 * line. Answers: how long until so many tokens are through, how long will this batch take, how large may one be to end in time.
 */

export interface Cost {
  /** A batch of `tokens` real tokens, `padded` with padding, took `ms` from its dispatch to its answer. */
  observe(tokens: number, padded: number, ms: number): void;
  /** Milliseconds until `tokens` are through `workers`; undefined until enough batches have been seen. */
  waitMs(tokens: number, workers: number): number | undefined;
  /** Milliseconds one batch takes, on average; undefined as above. */
  runMs(padded: number): number | undefined;
  /** Padded tokens of the largest batch that ends within `ms` in 99 cases of 100; 0 where none does; undefined as above. */
  tokensWithin(ms: number): number | undefined;
}

/** Weight of what was known when a batch comes in: half is forgotten after about 35 batches. */
const KEEP = 0.98;
const BATCHES_MIN = 16;
/** Runs whose distance from the line is remembered for the 99th percentile. */
const RATIOS_MAX = 256;

export function createCost(): Cost {
  let batches = 0;
  let tokensSeen = 0;
  /** Weighted sums: of weights, padded tokens, milliseconds, their squares and products. */
  let [n, x, y, xx, xy] = [0, 0, 0, 0, 0];
  /** Took over predicted, the last of them. */
  const ratios: number[] = [];
  let next = 0;
  let p99: number | undefined;

  const line = (): { fixedMs: number; tokenMs: number } => {
    const spread = n * xx - x * x;
    const slope = spread > 1e-6 * xx * n ? (n * xy - x * y) / spread : -1;
    const fixedMs = (y - slope * x) / n;
    // Batches of one size only, or noise: a line through zero is the best guess.
    return slope > 0 && fixedMs > 0 ? { fixedMs, tokenMs: slope } : { fixedMs: 0, tokenMs: y / x };
  };
  const known = (): boolean => batches >= BATCHES_MIN && x > 0;

  return {
    observe(tokens, padded, ms) {
      if (known()) {
        const { fixedMs, tokenMs } = line();
        const predicted = fixedMs + tokenMs * padded;
        if (predicted > 0) {
          ratios[next] = ms / predicted;
          next = (next + 1) % RATIOS_MAX;
          p99 = undefined;
        }
      }
      tokensSeen = tokensSeen * KEEP + tokens;
      n = n * KEEP + 1;
      x = x * KEEP + padded;
      y = y * KEEP + ms;
      xx = xx * KEEP + padded * padded;
      xy = xy * KEEP + padded * ms;
      batches++;
    },
    waitMs(tokens, workers) {
      if (!known() || tokensSeen === 0) return undefined;
      return (tokens * (y / tokensSeen)) / Math.max(1, workers);
    },
    runMs(padded) {
      if (!known()) return undefined;
      const { fixedMs, tokenMs } = line();
      return fixedMs + tokenMs * padded;
    },
    tokensWithin(ms) {
      if (!known()) return undefined;
      p99 ??= [...ratios].sort((a, b) => a - b)[Math.floor(ratios.length * 0.99)] ?? 1;
      const { fixedMs, tokenMs } = line();
      return Math.max(0, Math.floor((ms / Math.max(1, p99) - fixedMs) / tokenMs));
    },
  };
}
