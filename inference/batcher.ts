/**
 * Which of those who wait go into the next batch. The one whose turn it is always leads (place 0 of the window); company is chosen
 * for it among entries of similar length, so that little of the batch is padding. Pure: no clock, no queue, no promises.
 */

export interface BatchLimits {
  /** Padded tokens: rows x longest row. A longer single entry runs alone. */
  tokensMax: number;
  rowsMax: number;
}

/** What a batch costs, in tokens: run + padded x (1 + share x longest row). */
export interface BatchCost {
  /** Before its first token: the call, the message to the worker and back. */
  runTokens: number;
  /** What a token costs more for each token of the rows it stands in. */
  longestShare: number;
}

/** Where a machine and a model are not known yet (cost.ts). Rather too much than too little: larger batches lose less than too small ones. */
export const USUAL_COST: BatchCost = Object.freeze({ runTokens: 24, longestShare: 0 });

/**
 * What the oldest entry of the window is worth beyond its tokens, as a share of a usual entry's; the others by their age. By length
 * alone, texts of unusual length wait until it is their turn to lead while newcomers of usual length ride along: of 32 callers half
 * wait 46 ms, one in a hundred 93. So it is 49 and 63 ms, at no fewer calls a second; other ways paid more calls for as much
 * (bench/results/embed.md, "Who waits longest"). Texts of one request have one age, so a bulk request alone is cut by length as before.
 */
const AGE_SHARE = 0.5;

/** What waits: its weight, and since when. */
interface Waiting {
  /** Count as at least 1. */
  readonly tokens: number;
  readonly queuedMs: number;
}

/**
 * Places (in `window`) of the entries of the next batch, the leader (place 0) among them.
 *
 * In length order a batch is a run of neighbours around the leader: of entries of one age, exchanging one outside the run for one
 * inside never pads less. Every run that holds the leader and fits the budget is tried, and the one with the most real tokens, and
 * what age is worth, per token of cost wins: at most rowsMax runs a longest member, some 20 us for a window of 256.
 */
export function pickBatch(
  window: readonly Waiting[],
  limits: BatchLimits,
  { nowMs, cost }: { nowMs: number; cost: BatchCost },
): number[] {
  if (window.length <= 1) return window.map((_, place) => place);
  const order = window.map((_, place) => place);
  const tokensOf = (place: number): number => Math.max(1, window[place]?.tokens ?? 1);
  order.sort((a, b) => tokensOf(a) - tokensOf(b) || a - b);
  const lead = order.indexOf(0);
  let [oldestMs, youngestMs, sum] = [nowMs, Number.NEGATIVE_INFINITY, 0];
  for (const { queuedMs, tokens } of window) {
    oldestMs = Math.min(oldestMs, queuedMs);
    youngestMs = Math.max(youngestMs, queuedMs);
    sum += Math.max(1, tokens);
  }
  const worthOfMs = nowMs > oldestMs ? (AGE_SHARE * sum) / window.length / (nowMs - oldestMs) : 0;
  /** Tokens and age of the entries up to a place in `order`. */
  const worths = new Float64Array(order.length + 1);
  for (const [at, place] of order.entries()) {
    const { queuedMs } = window[place] as Waiting;
    worths[at + 1] = (worths[at] as number) + tokensOf(place) + worthOfMs * (youngestMs - queuedMs);
  }

  let best = { from: lead, to: lead, worth: -1 };
  for (let to = lead; to < order.length; to++) {
    const longest = tokensOf(order[to] as number);
    const rows = Math.max(1, Math.min(limits.rowsMax, Math.floor(limits.tokensMax / longest)));
    const widest = Math.max(0, to - rows + 1);
    if (widest > lead) break; // the leader no longer fits beside so long a neighbour, nor beside longer ones
    const rowTokens = longest * (1 + cost.longestShare * longest);
    for (let from = widest; from <= lead; from++) {
      const gain = (worths[to + 1] as number) - (worths[from] as number);
      const worth = gain / (cost.runTokens + rowTokens * (to - from + 1));
      if (worth > best.worth) best = { from, to, worth };
    }
  }
  return order.slice(best.from, best.to + 1);
}

/** What a batch costs in tokens, padding included. */
export function paddedTokens(batch: readonly { readonly tokens: number }[]): number {
  let longest = 1;
  for (const { tokens } of batch) if (tokens > longest) longest = tokens;
  return longest * batch.length;
}
