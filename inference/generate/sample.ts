/** Greedy decoding and sampling: rows that do not know of each other, each its own result. */
import {
  argmax,
  type Decoding,
  type Generated,
  logSumExp,
  type Needs,
  number,
  type Step,
  type StepRows,
  type StopCheck,
  sameRow,
} from './decoding.js';
import type { Top } from './graph.js';
import type { Resolved } from './parameters.js';
import { createRules, onlyForbids } from './processors.js';
import { createRandom, type Random } from './random.js';
import { loopStart } from './repetition.js';
import { warp } from './warpers.js';

interface Row {
  /** Prompt or start token, then what was generated. */
  ids: number[];
  random: Random;
  result: Generated;
  /** Tokens that may not follow the first `length` of `ids`. */
  banned?: { length: number; ids: ReadonlySet<number> };
}

/** Fewest of a row's highest logits that are asked for: onnxruntime finds four faster than one. */
const TOP_MIN = 4;
/** Where more tokens are forbidden than this, all logits are looked at. */
const BANNED_MAX = 60;

const LOGITS: Needs = { logits: true, top: 0, ranks: 0 };

export function createSampling(
  given: Resolved,
  prompt: readonly number[],
  source: readonly number[],
  stops: StopCheck | undefined,
): Decoding {
  const { processors, bans } = createRules(given, source);
  const plain = !given.doSample && !given.returnLogprobs;
  const rows: Row[] = Array.from({ length: given.numReturnSequences }, (_, index) => ({
    ids: [...prompt],
    random: createRandom(given.seed, index),
    result: {
      ids: [],
      score: given.doSample || given.returnLogprobs ? 0 : undefined,
      logprobs: [],
      finish: 'length',
    },
  }));
  let live = rows.map((_row, index) => index);
  let processed: Float32Array | undefined;

  const process = (row: Row, logits: Float32Array): Float32Array => {
    if (processors.length === 0 || sameRow(processed, logits)) return logits;
    for (const processor of processors) processor(row.ids, logits, 0);
    processed = logits;
    return logits;
  };

  const choose = (row: Row, scores: Float32Array): { id: number; logprob: number } => {
    if (!given.doSample) {
      const id = argmax(scores);
      return { id, logprob: given.returnLogprobs ? (scores[id] as number) - logSumExp(scores) : 0 };
    }
    const { ids, probabilities } = warp(scores, given);
    let left = row.random.next();
    let at = 0;
    while (at < ids.length - 1 && left >= (probabilities[at] as number)) left -= probabilities[at++] as number;
    return { id: ids[at] as number, logprob: Math.log(probabilities[at] as number) };
  };

  /** What may not come next, asked for before a step and after it; undefined where all logits must be looked at. */
  const bannedAfter = (row: Row): ReadonlySet<number> | undefined => {
    if (!plain || !onlyForbids(given, row.ids.length)) return undefined;
    if (row.banned?.length !== row.ids.length)
      row.banned = { length: row.ids.length, ids: new Set(bans.flatMap((ban) => ban(row.ids))) };
    return row.banned.ids.size > BANNED_MAX ? undefined : row.banned.ids;
  };

  /** The highest that is not forbidden; more than are forbidden were asked for. undefined where the logits were. */
  const chooseTop = (row: Row, { ids, scores }: Top): { id: number; logprob: number } | undefined => {
    const banned = bannedAfter(row);
    if (!banned) return undefined;
    for (let rank = 0; rank < ids.length; rank++) {
      const id = Number(ids[rank]);
      if (banned.has(id)) continue;
      number(scores[rank] as number);
      return { id, logprob: 0 };
    }
    return { id: 0, logprob: 0 }; // Every token is forbidden: the first of equals.
  };

  const ended = ({ ids, result }: Row, id: number): boolean => {
    if (given.eosTokenIds.includes(id)) result.finish = 'eos';
    else if (stops?.(result.ids)) result.finish = 'stop';
    else if (ids.length >= given.maxLength) result.finish = 'length';
    else if (given.repetitionGuard && ids.length >= given.minLength) {
      const start = loopStart(result.ids);
      if (start === undefined) return false;
      result.finish = 'repetition';
      result.ids.length = start;
      if (result.logprobs.length > start) result.logprobs.length = start;
    } else return false;
    return true;
  };

  return {
    get rows() {
      return live.length;
    },
    get needs() {
      let top = TOP_MIN;
      for (const index of live) {
        const banned = bannedAfter(rows[index] as Row);
        if (!banned) return LOGITS;
        top = Math.max(top, banned.size + 1);
      }
      return { logits: false, top, ranks: 0 };
    },
    advance({ logits, top }: StepRows): Step {
      const tokens: number[] = [];
      const parents: number[] = [];
      const next: number[] = [];
      let certain: { id: number; logprob: number } | undefined;
      for (const [place, index] of live.entries()) {
        const row = rows[index] as Row;
        const chosen = (top && chooseTop(row, top(place))) ?? choose(row, process(row, logits(place)));
        if (index === 0) certain = chosen;
        row.ids.push(chosen.id);
        row.result.ids.push(chosen.id);
        if (row.result.score !== undefined) row.result.score += chosen.logprob;
        if (given.returnLogprobs) row.result.logprobs.push(chosen.logprob);
        if (ended(row, chosen.id)) continue;
        tokens.push(chosen.id);
        parents.push(place);
        next.push(index);
      }
      live = next;
      if (live.length > 0) return { at: 'more', tokens, parents, ...(certain && { certain }) };
      return { at: 'done', results: rows.map(({ result }) => result), ...(certain && { certain }) };
    },
  };
}
