/**
 * Logits processors, as in transformers and in its order: what a rule forbids gets -Infinity, penalties change scores. Each is
 * applied to one row in place. Arithmetic is rounded to 32-bit floats where torch works in them, so that ties stay ties.
 */
import type { Resolved } from './parameters.js';

/**
 * `ids`: the whole decoder sequence so far, prompt or start token included. `offset`: what transformers' score is less than the one
 * given here (beams process log-probabilities: logits less their normalizer, which is not taken off 32,000 numbers for the few
 * that change). `forbidden`: takes the scores of what is forbidden, so that they can be summed without looking at all others.
 */
export type Processor = (ids: readonly number[], scores: Float32Array, offset: number, forbidden?: number[]) => void;

/** A rule that only forbids: the tokens that may not follow a sequence, some perhaps twice. */
export type Ban = (ids: readonly number[]) => readonly number[];

export interface Rules {
  /** None for plain decoding. */
  processors: readonly Processor[];
  /** Those among them that only forbid: all, wherever `onlyForbids` says so. */
  bans: readonly Ban[];
}

/** What a request asks of its tokens. `source`: ids of the encoder's input (the prompt, where there is none). */
export function createRules(given: Resolved, source: readonly number[]): Rules {
  const { promptLength, eosTokenIds, forcedBosTokenId } = given;
  const changing: Processor[] = [];
  if (given.repetitionPenalty !== 1) changing.push(repetitionPenalty(given.repetitionPenalty));
  const bans: Ban[] = [];
  if (given.noRepeatNgramSize > 0) bans.push(noRepeatNgram(given.noRepeatNgramSize));
  if (given.encoderNoRepeatNgramSize > 0) bans.push(encoderNoRepeatNgram(given.encoderNoRepeatNgramSize, source));
  if (given.badWordsIds.length > 0) bans.push(badWords(given.badWordsIds, eosTokenIds));
  if (given.minLength > 0 && eosTokenIds.length > 0)
    bans.push((ids) => (ids.length < given.minLength ? eosTokenIds : NONE));
  const forcing: Processor[] = [];
  if (forcedBosTokenId !== undefined) {
    forcing.push((ids, scores, offset) => {
      if (ids.length === 1) force(scores, [forcedBosTokenId], offset);
    });
  }
  if (given.forcedEosTokenIds.length > 0) {
    forcing.push((ids, scores, offset) => {
      if (ids.length === given.maxLength - 1) force(scores, given.forcedEosTokenIds, offset);
    });
  }
  // After what is forced, as in transformers: a token may be forced and suppressed.
  const suppressing: Ban[] = [];
  if (given.suppressTokens.length > 0) suppressing.push(() => given.suppressTokens);
  if (given.beginSuppressTokens.length > 0) {
    const begin = promptLength > 1 || forcedBosTokenId === undefined ? promptLength : promptLength + 1;
    suppressing.push((ids) => (ids.length === begin ? given.beginSuppressTokens : NONE));
  }
  return {
    processors: [...changing, ...bans.map(forbidding), ...forcing, ...suppressing.map(forbidding)],
    bans: [...bans, ...suppressing],
  };
}

const NONE: readonly number[] = [];

function forbidding(ban: Ban): Processor {
  return (ids, scores, _offset, forbidden) => forbid(scores, ban(ids), forbidden);
}

/** True where the processors of a request, for a sequence of that length, do nothing but forbid tokens. */
export function onlyForbids(given: Resolved, length: number): boolean {
  const forcedBos = given.forcedBosTokenId !== undefined && length === 1;
  const forcedEos = given.forcedEosTokenIds.length > 0 && length === given.maxLength - 1;
  return given.repetitionPenalty === 1 && !forcedBos && !forcedEos;
}

function forbid(scores: Float32Array, ids: readonly number[], forbidden: number[] | undefined): void {
  for (const id of ids) {
    if (id >= scores.length || scores[id] === Number.NEGATIVE_INFINITY) continue;
    forbidden?.push(scores[id] as number);
    scores[id] = Number.NEGATIVE_INFINITY;
  }
}

/**
 * The normalizer of a row once tokens of these scores have been forbidden in it: what they had is taken out of the sum that
 * `normalizer` is the logarithm of. undefined where so much was forbidden that the difference has no digits left.
 */
export function withoutForbidden(normalizer: number, forbidden: readonly number[]): number | undefined {
  let mass = 0;
  for (const score of forbidden) mass += Math.exp(score - normalizer);
  return mass < 0.9 ? normalizer + Math.log1p(-mass) : undefined;
}

function force(scores: Float32Array, ids: readonly number[], offset: number): void {
  scores.fill(Number.NEGATIVE_INFINITY);
  for (const id of ids) scores[id] = offset;
}

function repetitionPenalty(penalty: number): Processor {
  const factor = Math.fround(penalty);
  return (ids, scores, offset) => {
    for (const id of new Set(ids)) {
      if (id >= scores.length) continue;
      const score = Math.fround((scores[id] as number) - offset);
      scores[id] = Math.fround(score < 0 ? score * factor : score / factor) + offset;
    }
  };
}

/** Bans every token that would repeat an n-gram of the sequence. */
function noRepeatNgram(size: number): Ban {
  return (ids) => {
    const banned: number[] = [];
    const suffix = ids.length - size + 1; // where the last size-1 tokens begin
    for (let start = 0; start + size <= ids.length; start++) {
      let same = true;
      for (let k = 0; k < size - 1 && same; k++) same = ids[start + k] === ids[suffix + k];
      if (same) banned.push(ids[start + size - 1] as number);
    }
    return banned;
  };
}

/** Bans every token that would repeat an n-gram of the source. */
function encoderNoRepeatNgram(size: number, source: readonly number[]): Ban {
  const following = new Map<string, number[]>();
  for (let start = 0; start + size <= source.length; start++) {
    const key = source.slice(start, start + size - 1).join(',');
    const tokens = following.get(key);
    const last = source[start + size - 1] as number;
    if (tokens) tokens.push(last);
    else following.set(key, [last]);
  }
  return (ids) => {
    // A sequence shorter than the n-gram has a prefix of another length, which no key equals.
    const key = ids.slice(Math.max(0, ids.length + 1 - size)).join(',');
    return following.get(size === 1 ? '' : key) ?? NONE;
  };
}

/** Bans sequences; an end-of-sequence token alone cannot be banned. */
function badWords(words: readonly (readonly number[])[], eosTokenIds: readonly number[]): Ban {
  const kept = words.filter((word) => word.length !== 1 || !eosTokenIds.includes(word[0] as number));
  return (ids) => {
    const banned: number[] = [];
    for (const word of kept) {
      const prefix = word.length - 1;
      if (prefix > ids.length) continue;
      let same = true;
      for (let k = 0; k < prefix && same; k++) same = ids[ids.length - prefix + k] === word[k];
      if (same) banned.push(word[prefix] as number);
    }
    return banned;
  };
}
