/**
 * What a token costs on this machine, learned from the batches that ran: milliseconds of one worker per real token, padding and
 * overhead included, old batches forgotten by halves. Answers one question: how long until so many tokens are through?
 */

export interface Cost {
  /** A batch of `tokens` real tokens took `ms` from its dispatch to its answer. */
  observe(tokens: number, ms: number): void;
  /** Milliseconds until `tokens` are through `workers`; undefined until enough batches have been seen. */
  waitMs(tokens: number, workers: number): number | undefined;
}

/** Weight of what was known when a batch comes in: half is forgotten after about 35 batches. */
const KEEP = 0.98;
const BATCHES_MIN = 16;

export function createCost(): Cost {
  let tokensSeen = 0;
  let msSeen = 0;
  let batches = 0;
  return {
    observe(tokens, ms) {
      tokensSeen = tokensSeen * KEEP + tokens;
      msSeen = msSeen * KEEP + ms;
      batches++;
    },
    waitMs(tokens, workers) {
      if (batches < BATCHES_MIN || tokensSeen === 0) return undefined;
      return (tokens * (msSeen / tokensSeen)) / Math.max(1, workers);
    },
  };
}
