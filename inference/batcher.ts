/**
 * Which of those who wait go into the next batch. The one whose turn it is always leads (place 0 of the window); company is chosen
 * for it among entries of similar length, so that little of the batch is padding. Pure: no clock, no queue, no promises.
 */

export interface BatchLimits {
  /** Padded tokens: rows x longest row. A longer single entry runs alone. */
  tokensMax: number;
  rowsMax: number;
}

/**
 * A run costs about this many tokens before its first: the call, the message to the worker and back. It decides between a small
 * tight batch and a larger one with more padding; the choice is flat around the optimum, so one number serves all models.
 */
const RUN_COST_TOKENS = 24;

/**
 * Places (in `window`) of the entries of the next batch, the leader (place 0) among them. `tokens` of an entry count as at least 1.
 *
 * In length order a batch is a run of neighbours around the leader: exchanging one outside the run for one inside never pads
 * less. Every run that holds the leader and fits the budget is tried, and the one with the most real tokens per token of cost wins:
 * at most rowsMax runs a longest member, some 20 us for a window of 256.
 */
export function pickBatch(window: readonly { readonly tokens: number }[], limits: BatchLimits): number[] {
  if (window.length <= 1) return window.map((_, place) => place);
  const order = window.map((_, place) => place);
  const tokensOf = (place: number): number => Math.max(1, window[place]?.tokens ?? 1);
  order.sort((a, b) => tokensOf(a) - tokensOf(b) || a - b);
  const lead = order.indexOf(0);
  const sums = new Float64Array(order.length + 1);
  for (let i = 0; i < order.length; i++) sums[i + 1] = (sums[i] as number) + tokensOf(order[i] as number);

  let best = { from: lead, to: lead, worth: -1 };
  for (let to = lead; to < order.length; to++) {
    const longest = tokensOf(order[to] as number);
    const rows = Math.max(1, Math.min(limits.rowsMax, Math.floor(limits.tokensMax / longest)));
    const widest = Math.max(0, to - rows + 1);
    if (widest > lead) break; // the leader no longer fits beside so long a neighbour, nor beside longer ones
    for (let from = widest; from <= lead; from++) {
      const real = (sums[to + 1] as number) - (sums[from] as number);
      const worth = real / (RUN_COST_TOKENS + longest * (to - from + 1));
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
