/**
 * What a batch costs on this machine, learned online from the batches that ran: milliseconds of one worker before its first token,
 * for each padded token, and for each token by the length of the rows (attention reads every row once a token of it); old batches
 * are forgotten by halves. Also how far single runs are off that. Answers: how long until so many tokens are through, how long will
 * this batch take, how large may one be to end in time, and in what batches tokens are cheap.
 */
import { type BatchCost, USUAL_COST } from './batcher.js';

export interface Cost {
  /**
   * A batch of `tokens` real tokens, `padded` with padding, its rows of `longest`, took `ms` from its dispatch to its answer, of which
   * its worker computed `computeMs`.
   */
  observe(batch: { tokens: number; padded: number; longest: number }, ms: number, computeMs: number): void;
  /** Milliseconds until `tokens` are through `workers`; undefined until enough batches have been seen. */
  waitMs(tokens: number, workers: number): number | undefined;
  /** Milliseconds one batch takes, on average, its rows as long as they were lately where nothing else is said; undefined as above. */
  runMs(padded: number, longest?: number): number | undefined;
  /** Padded tokens of the largest batch of such rows that ends within `ms` in 99 cases of 100; 0 where none does; undefined as above. */
  tokensWithin(ms: number): number | undefined;
  /** For the choice of batches; what is usual until enough has been seen. */
  batchCost(): BatchCost;
}

/** Weight of what was known when a batch comes in: half is forgotten after about 35 batches. */
const KEEP = 0.98;
const BATCHES_MIN = 16;
/** The same for proportions, which change less than the load of the machine, and need more batches to be told from noise: 350. */
const KEEP_PROPORTIONS = 0.998;
const PROPORTIONS_BATCHES_MIN = 64;
/**
 * What a run that took longer than expected counts for, beside one that did not, where proportions are learned: the other worker or the RPC
 * thread had its core for a while, which says nothing of the batch. Counted in full, that looked like a cost of 40 to 64 tokens before the
 * first one, where a worker alone on its core shows 12.
 */
const HELD_UP_WEIGHT = 0.1;
/** What a run can cost before its first token, in tokens: beyond it is noise, or one odd batch. */
const RUN_TOKENS = { min: 4, max: 64 } as const;
/** Rows so long cost twice as much a token at most; a fit that says more is noise. Of 512 tokens about that was seen. */
const TWICE_LENGTH_MIN = 128;
/** Padded tokens and the same times the length of rows must differ by so much (1 less their squared correlation). */
const APART_MIN = 0.01;
/** Runs whose distance from the line is remembered for the 99th percentile. */
const RATIOS_MAX = 256;

/** Milliseconds of a batch: fixed + padded x (token + longest x length). */
interface Fit {
  fixedMs: number;
  tokenMs: number;
  longestMs: number;
}

export function createCost(): Cost {
  let batches = 0;
  let tokensSeen = 0;
  let msSeen = 0;
  const lately = createFit(KEEP);
  const proportions = createFit(KEEP_PROPORTIONS, HELD_UP_WEIGHT);
  /** Took over predicted, the last of them. */
  const ratios: number[] = [];
  let next = 0;
  let p99: number | undefined;

  const known = (): boolean => batches >= BATCHES_MIN && lately.longest() > 0;

  return {
    observe({ tokens, padded, longest }, ms, computeMs) {
      if (known()) {
        const predicted = predict(lately.fit(), padded, longest);
        if (predicted > 0) {
          ratios[next] = ms / predicted;
          next = (next + 1) % RATIOS_MAX;
          p99 = undefined;
        }
      }
      tokensSeen = tokensSeen * KEEP + tokens;
      msSeen = msSeen * KEEP + ms;
      lately.add(padded, longest, ms);
      proportions.add(padded, longest, computeMs);
      batches++;
    },
    waitMs(tokens, workers) {
      if (!known() || tokensSeen === 0) return undefined;
      return (tokens * (msSeen / tokensSeen)) / Math.max(1, workers);
    },
    runMs(padded, longest = lately.longest()) {
      if (!known()) return undefined;
      return predict(lately.fit(), padded, longest);
    },
    tokensWithin(ms) {
      if (!known()) return undefined;
      p99 ??= [...ratios].sort((a, b) => a - b)[Math.floor(ratios.length * 0.99)] ?? 1;
      const { fixedMs, tokenMs, longestMs } = lately.fit();
      return Math.max(0, Math.floor((ms / Math.max(1, p99) - fixedMs) / (tokenMs + longestMs * lately.longest())));
    },
    batchCost() {
      if (batches < PROPORTIONS_BATCHES_MIN) return USUAL_COST;
      const { fixedMs, tokenMs, longestMs } = proportions.fit();
      if (!(fixedMs > 0)) return USUAL_COST;
      return {
        runTokens: Math.min(RUN_TOKENS.max, Math.max(RUN_TOKENS.min, fixedMs / tokenMs)),
        longestShare: longestMs / tokenMs,
      };
    },
  };
}

/** Least squares over what comes in, each weighing `keep` times what comes after it, and `aboveWeight` where it lies above the line. */
function createFit(
  keep: number,
  aboveWeight = 1,
): {
  add(padded: number, longest: number, ms: number): void;
  fit(): Fit;
  /** Length of rows, a padded token each. */
  longest(): number;
} {
  /** Weighted sums: of weights, of padded tokens (x), the same times the length of rows (z), milliseconds (y), and of products. */
  const sum = { n: 0, x: 0, z: 0, y: 0, xx: 0, xz: 0, zz: 0, xy: 0, zy: 0 };
  const fits = {
    add(x: number, longest: number, y: number): void {
      const z = x * longest;
      const terms = { n: 1, x, z, y, xx: x * x, xz: x * z, zz: z * z, xy: x * y, zy: z * y };
      const weight = aboveWeight < 1 && sum.n > 0 && y > predict(fits.fit(), x, longest) ? aboveWeight : 1;
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] = sum[key] * keep + weight * terms[key];
    },
    fit(): Fit {
      const { n, x, z, y } = sum;
      const xx = n * sum.xx - x * x;
      const zz = n * sum.zz - z * z;
      const xz = n * sum.xz - x * z;
      const xy = n * sum.xy - x * y;
      const zy = n * sum.zy - z * y;
      const apart = xx * zz - xz * xz;
      const spread = xx > 1e-6 * sum.xx * n;
      if (spread && apart > APART_MIN * xx * zz) {
        const tokenMs = (xy * zz - zy * xz) / apart;
        const longestMs = (zy * xx - xy * xz) / apart;
        const fixedMs = (y - tokenMs * x - longestMs * z) / n;
        if (fixedMs > 0 && longestMs > 0 && longestMs * TWICE_LENGTH_MIN < tokenMs)
          return { fixedMs, tokenMs, longestMs };
      }
      const tokenMs = spread ? xy / xx : -1;
      const fixedMs = (y - tokenMs * x) / n;
      // Batches of one size only, or noise: a line through zero is the best guess.
      return tokenMs > 0 && fixedMs > 0
        ? { fixedMs, tokenMs, longestMs: 0 }
        : { fixedMs: 0, tokenMs: y / x, longestMs: 0 };
    },
    longest: () => (sum.x > 0 ? sum.z / sum.x : 0),
  };
  return fits;
}

function predict({ fixedMs, tokenMs, longestMs }: Fit, padded: number, longest: number): number {
  return fixedMs + padded * (tokenMs + longestMs * longest);
}
