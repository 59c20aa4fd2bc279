/**
 * Beam search, step for step as transformers does it (`_beam_search` of version 5), for one prompt: the same candidates, the same
 * order, the same 32-bit rounding, the same three stopping rules. do_sample draws the candidates instead of taking the best.
 */
import {
  type Decoding,
  type Generated,
  logSumExp,
  number,
  type RowLogits,
  type RowRanks,
  type Step,
  type StepRows,
  type StopCheck,
  sameRow,
} from './decoding.js';
import type { Resolved } from './parameters.js';
import { createRules, onlyForbids, withoutForbidden } from './processors.js';
import { createRandom } from './random.js';
import type { Ranked } from './ranking.js';
import { loopStart } from './repetition.js';
import { warp } from './warpers.js';

/** A sequence under way. */
interface Beam {
  ids: number[];
  logprobs: number[];
  score: number;
}

/** A continuation of a beam by one token. */
interface Candidate {
  beam: number;
  id: number;
  /** Log-probability of the token alone, processed. */
  logprob: number;
  /** Sum over the sequence. */
  score: number;
  /** Of drawing, larger first; equals the score where nothing is drawn. */
  order: number;
}

interface Finished extends Beam {
  done: boolean;
}

/** Tokens more than are kept that are ranked, as rules may forbid some of the likeliest. */
const FORBIDDEN_MAX = 16;

/** Stands for "not chosen" in transformers, and in its arithmetic. */
const BOTTOM = -1e9;

export function createBeams(
  given: Resolved,
  prompt: readonly number[],
  source: readonly number[],
  stops: StopCheck | undefined,
): Decoding {
  const { numBeams, promptLength, maxLength, lengthPenalty, earlyStopping, eosTokenIds } = given;
  const { processors } = createRules(given, source);
  const keep = Math.max(2, 1 + eosTokenIds.length) * numBeams;
  const random = createRandom(given.seed, 0);
  const loops = given.repetitionGuard;
  let beams: Beam[] = Array.from({ length: numBeams }, (_, index) => ({
    ids: [...prompt],
    logprobs: [],
    score: index === 0 ? 0 : BOTTOM, // all beams are the same at first: only one may be continued
  }));
  let finished: Finished[] = Array.from({ length: numBeams }, () => ({
    ids: [],
    logprobs: [],
    score: BOTTOM,
    done: false,
  }));

  /** The best `keep` continuations of all beams, best first; the lower beam, then the lower id where they tie. */
  const continuations = (logits: RowLogits, ranked: RowRanks | undefined): Candidate[] => {
    const best: Candidate[] = [];
    if (ranked && !given.doSample && onlyForbids(given, (beams[0] as Beam).ids.length)) {
      for (const [index, beam] of beams.entries()) {
        const row = logits(index);
        const ranks = ranked(index);
        const before = (row[Number(ranks.ids[0])] as number) - (ranks.logprobs[0] as number);
        const forbidden: number[] = [];
        for (const processor of processors) processor(beam.ids, row, before, forbidden);
        const normalizer = given.renormalizeLogits
          ? (withoutForbidden(before, forbidden) ?? normalizerOf(row, before))
          : before;
        // So much was forbidden that the rest must be looked at.
        if (!collectRanked(best, row, ranks, normalizer - before, index, beam.score))
          collect(best, row, normalizer, index, beam.score);
      }
      return best;
    }
    let before: Float32Array | undefined;
    let normalizer = 0;
    for (const [index, beam] of beams.entries()) {
      const row = logits(index);
      if (!sameRow(before, row)) {
        normalizer = logSumExp(row);
        for (const processor of processors) processor(beam.ids, row, normalizer);
        if (given.renormalizeLogits) normalizer = normalizerOf(row, normalizer);
        before = row;
      }
      if (given.doSample) draw(best, row, normalizer, index, beam.score);
      else collect(best, row, normalizer, index, beam.score);
    }
    if (given.doSample) best.sort((a, b) => b.order - a.order).splice(keep);
    return best;
  };

  const insert = (best: Candidate[], candidate: Candidate): void => {
    let at = best.length;
    while (at > 0 && (best[at - 1] as Candidate).score < candidate.score) at--;
    best.splice(at, 0, candidate);
    if (best.length > keep) best.pop();
  };

  /** The same from the likeliest alone, less what the row forbids; false where too few of them are left. `shift`: of the normalizer. */
  const collectRanked = (
    best: Candidate[],
    row: Float32Array,
    { ids, logprobs }: Ranked,
    shift: number,
    beam: number,
    base: number,
  ): boolean => {
    const allowed: Candidate[] = [];
    for (let rank = 0; rank < ids.length && allowed.length < keep; rank++) {
      const id = Number(ids[rank]);
      if (row[id] === Number.NEGATIVE_INFINITY) continue;
      const ranked = number(logprobs[rank] as number);
      const logprob = shift === 0 ? ranked : Math.fround(ranked - shift);
      const score = Math.fround(logprob + base);
      allowed.push({ beam, id, logprob, score, order: score });
    }
    if (allowed.length < keep && ids.length < row.length) return false;
    for (const candidate of allowed) {
      if (best.length < keep || candidate.score > (best[keep - 1] as Candidate).score) insert(best, candidate);
    }
    return true;
  };

  const collect = (best: Candidate[], scores: Float32Array, offset: number, beam: number, base: number): void => {
    let limit = best.length < keep ? Number.NEGATIVE_INFINITY : (best[keep - 1] as Candidate).score;
    for (let id = 0; id < scores.length; id++) {
      // The comparison without rounding is one subtraction; only what may enter is rounded as torch rounds.
      const raw = (scores[id] as number) - offset + base;
      if (raw < limit - 1 - Math.abs(limit) * 1e-6) continue;
      const logprob = Math.fround((scores[id] as number) - offset);
      const score = Math.fround(logprob + base);
      if (best.length >= keep && !(score > limit)) continue;
      insert(best, { beam, id, logprob, score, order: score });
      if (best.length >= keep) limit = (best[keep - 1] as Candidate).score;
    }
  };

  /** Gumbel noise on the log-probabilities makes taking the largest the same as drawing without putting back. */
  const draw = (best: Candidate[], scores: Float32Array, offset: number, beam: number, base: number): void => {
    const shifted = scores.map((score) => score - offset);
    const temperature = Math.fround(given.temperature);
    const { ids, probabilities } = warp(shifted, given, eosTokenIds.length + 1);
    for (const [place, id] of ids.entries()) {
      const logprob = Math.fround(
        given.renormalizeLogits ? Math.log(probabilities[place] as number) : (shifted[id] as number) / temperature,
      );
      const score = Math.fround(logprob + base);
      best.push({ beam, id, logprob, score, order: score - Math.log(-Math.log(random.next() || 2 ** -53)) });
    }
  };

  const advance = ({ logits, ranked }: StepRows): Step => {
    const candidates = continuations(logits, ranked);
    const length = (beams[0] as Beam).ids.length + 1;
    const hits = candidates.map(({ beam, id }) => {
      if (length >= maxLength || eosTokenIds.includes(id)) return true;
      if (!stops && !loops) return false;
      const generated = [...(beams[beam] as Beam).ids.slice(promptLength), id];
      return (stops?.(generated) ?? false) || loopOf(generated) !== undefined;
    });
    const extended = ({ beam, id, logprob }: Candidate, score: number): Beam => {
      const from = beams[beam] as Beam;
      return { ids: [...from.ids, id], logprobs: [...from.logprobs, logprob], score };
    };

    // The best that may go on. What has ended stays as a last resort, far below.
    const running = candidates
      .map((candidate, index) => ({
        candidate,
        score: hits[index] ? Math.fround(candidate.score + BOTTOM) : candidate.score,
      }))
      .sort((a, b) => b.score - a.score)
      .slice(0, numBeams);

    // Only the first `numBeams` candidates may end; the others are there so that enough can go on.
    const divisor = Math.fround((length - promptLength) ** lengthPenalty);
    const ending = candidates
      .map((candidate, index) => ({ candidate, index }))
      .filter(({ index }) => index < numBeams && hits[index])
      .map(({ candidate }) => ({ ...extended(candidate, Math.fround(candidate.score / divisor)), done: true }));
    finished = [...finished, ...ending].sort((a, b) => b.score - a.score).slice(0, numBeams);

    const tokens = running.map(({ candidate }) => candidate.id);
    const parents = running.map(({ candidate }) => candidate.beam);
    beams = running.map(({ candidate, score }) => extended(candidate, score));

    const full = finished.every(({ done }) => done);
    // Rules can forbid every token of every beam; then what there is, is the result.
    if (running.length === 0 || !mayImprove(length, full) || (full && earlyStopping === true) || hits.every(Boolean)) {
      const chosen = finished.filter(({ done }) => done);
      return {
        at: 'done',
        results: (chosen.length > 0 ? chosen : beams).slice(0, given.numReturnSequences).map(result),
      };
    }
    return { at: 'more', tokens, parents };
  };

  /** Could the best beam still beat the worst result? With "never" and a length bonus it is given all the length there is. */
  const mayImprove = (length: number, full: boolean): boolean => {
    if (!full) return true;
    const reach = (earlyStopping === 'never' && lengthPenalty > 0 ? maxLength : length) - promptLength;
    const possible = Math.fround((beams[0] as Beam).score / Math.fround(reach ** lengthPenalty));
    return possible > (finished[finished.length - 1] as Finished).score;
  };

  /** Where a sequence that is caught in a loop began to repeat itself: a beam that gets there has ended, as at an end token. */
  const loopOf = (generated: readonly number[]): number | undefined =>
    loops && promptLength + generated.length >= given.minLength ? loopStart(generated) : undefined;

  const result = ({ ids, logprobs, score }: Beam): Generated => {
    const generated = ids.slice(promptLength);
    const last = generated[generated.length - 1];
    const kept = given.returnLogprobs ? logprobs : [];
    if (last !== undefined && eosTokenIds.includes(last))
      return { ids: generated, score, logprobs: kept, finish: 'eos' };
    if (stops?.(generated)) return { ids: generated, score, logprobs: kept, finish: 'stop' };
    const start = ids.length < maxLength ? loopOf(generated) : undefined;
    if (start === undefined) return { ids: generated, score, logprobs: kept, finish: 'length' };
    return { ids: generated.slice(0, start), score, logprobs: kept.slice(0, start), finish: 'repetition' };
  };

  return {
    get rows() {
      return beams.length;
    },
    needs: {
      logits: true,
      top: 0,
      ranks: given.doSample || given.repetitionPenalty !== 1 ? 0 : keep + FORBIDDEN_MAX,
    },
    advance,
  };
}

/** The normalizer of a row as it is now; as it was, where nothing is left of it. */
function normalizerOf(row: Float32Array, before: number): number {
  return row.some((score) => score > Number.NEGATIVE_INFINITY) ? logSumExp(row) : before;
}
