/**
 * What a caller may ask of generation, and what a model's own files say: merged, validated, complete. Names and meaning are
 * those of transformers' GenerationConfig; every refusal names the field as the proto has it (`generation.num_beams`).
 */
import { type ErrorCode, fieldError } from '../../chassis/errors.js';

/** As asked for; what is absent is the model's own. */
export interface GenerationParameters {
  maxLength?: number;
  maxNewTokens?: number;
  minLength?: number;
  minNewTokens?: number;
  numBeams?: number;
  numReturnSequences?: number;
  lengthPenalty?: number;
  earlyStopping?: boolean | 'never';
  noRepeatNgramSize?: number;
  encoderNoRepeatNgramSize?: number;
  repetitionPenalty?: number;
  doSample?: boolean;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  typicalP?: number;
  /** Makes sampling repeatable. */
  seed?: number;
  stop?: readonly string[];
  /** Scores are log-probabilities again once every rule has been applied: what is forbidden lowers no beam. */
  renormalizeLogits?: boolean;
  returnLogprobs?: boolean;
  forcedBosTokenId?: number;
  forcedEosTokenId?: readonly number[];
  suppressTokens?: readonly number[];
  beginSuppressTokens?: readonly number[];
  badWordsIds?: readonly (readonly number[])[];
  /** Ends a sequence that repeats itself in a loop (finish 'repetition'). Not of transformers; off unless asked for. */
  repetitionGuard?: boolean;
}

/** What generation needs to know of a model: config.json and generation_config.json. */
export interface GenerationModel {
  seq2seq: boolean;
  vocabSize: number;
  /** First token of the decoder; not read for decoder-only models. */
  decoderStartTokenId: number;
  eosTokenIds: readonly number[];
  padTokenId: number;
  /** Positions the decoder has; undefined where only the cache limits it (T5). */
  positionsMax: number | undefined;
  /** What generation_config.json asks for. */
  defaults: GenerationParameters;
}

/** Complete, for one prompt. Lengths count the prompt, or the start token of an encoder-decoder. */
export interface Resolved {
  /** Tokens of the decoder before the first generated one. */
  promptLength: number;
  maxLength: number;
  minLength: number;
  numBeams: number;
  numReturnSequences: number;
  lengthPenalty: number;
  earlyStopping: boolean | 'never';
  noRepeatNgramSize: number;
  encoderNoRepeatNgramSize: number;
  repetitionPenalty: number;
  doSample: boolean;
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  typicalP: number;
  seed: number;
  stop: readonly string[];
  renormalizeLogits: boolean;
  returnLogprobs: boolean;
  forcedBosTokenId: number | undefined;
  forcedEosTokenIds: readonly number[];
  suppressTokens: readonly number[];
  beginSuppressTokens: readonly number[];
  badWordsIds: readonly (readonly number[])[];
  eosTokenIds: readonly number[];
  repetitionGuard: boolean;
}

/** Beams and results of one request. */
export const WIDTH_MAX = 64;
/** Stop strings of one request, and characters of one. */
export const STOPS_MAX = 16;
const STOP_CHARACTERS_MAX = 256;

/**
 * The request over the model's defaults over transformers' own. `promptTokens`: tokens of the prompt, not read for
 * encoder-decoders. `tokensMax`: the engine's own limit of generated tokens.
 */
export function resolveParameters(
  given: GenerationParameters,
  model: GenerationModel,
  promptTokens: number,
  tokensMax: number,
  randomSeed: () => number,
): Resolved {
  check(given, model);
  const { defaults } = model;
  const asked = { ...defaults, ...given };
  const promptLength = model.seq2seq ? 1 : promptTokens;
  const numBeams = asked.numBeams ?? 1;
  const numReturnSequences = asked.numReturnSequences ?? 1;
  const doSample = asked.doSample ?? false;
  if (numReturnSequences > 1 && numBeams === 1 && !doSample) {
    throw invalid('num_return_sequences', 'must be 1 for greedy decoding; ask for beams (num_beams) or do_sample');
  }
  if (numBeams > 1 && numReturnSequences > numBeams) {
    throw invalid('num_return_sequences', `must be at most num_beams (${numBeams}), is ${numReturnSequences}`);
  }
  idle(given, numBeams, doSample);

  const maxLength = resolveMaxLength(given, model, promptLength, tokensMax);
  const minNew = given.minNewTokens ?? (given.minLength === undefined ? defaults.minNewTokens : undefined);
  const minLength = minNew === undefined ? (asked.minLength ?? 0) : minNew + promptLength;
  if (given.minNewTokens !== undefined && minLength > maxLength) {
    throw invalid('min_new_tokens', `must be at most ${maxLength - promptLength}, the most that may be generated`);
  }
  if (given.minNewTokens === undefined && given.minLength !== undefined && minLength > maxLength) {
    throw invalid('min_length', `must be at most max_length (${maxLength}), is ${minLength}`);
  }
  return {
    promptLength,
    maxLength,
    minLength,
    numBeams,
    numReturnSequences,
    doSample,
    lengthPenalty: asked.lengthPenalty ?? 1,
    earlyStopping: asked.earlyStopping ?? false,
    noRepeatNgramSize: asked.noRepeatNgramSize ?? 0,
    encoderNoRepeatNgramSize: asked.encoderNoRepeatNgramSize ?? 0,
    repetitionPenalty: asked.repetitionPenalty ?? 1,
    temperature: asked.temperature ?? 1,
    topK: asked.topK ?? 50, // transformers' default, also where the caller names none
    topP: asked.topP ?? 1,
    minP: asked.minP ?? 0,
    typicalP: asked.typicalP ?? 1,
    seed: asked.seed ?? randomSeed(),
    stop: asked.stop ?? [],
    renormalizeLogits: asked.renormalizeLogits ?? false,
    returnLogprobs: asked.returnLogprobs ?? false,
    forcedBosTokenId: asked.forcedBosTokenId,
    forcedEosTokenIds: asked.forcedEosTokenId ?? [],
    suppressTokens: asked.suppressTokens ?? [],
    beginSuppressTokens: asked.beginSuppressTokens ?? [],
    badWordsIds: asked.badWordsIds ?? [],
    eosTokenIds: model.eosTokenIds,
    repetitionGuard: asked.repetitionGuard ?? false,
  };
}

/** max_new_tokens before max_length, the request before the model's file; 20 new tokens where nobody says. */
function resolveMaxLength(
  given: GenerationParameters,
  model: GenerationModel,
  promptLength: number,
  tokensMax: number,
): number {
  const limit = Math.min(model.positionsMax ?? Number.POSITIVE_INFINITY, promptLength + tokensMax);
  if (promptLength >= limit) {
    throw fieldError(
      'TEXT_TOO_LONG',
      'text',
      `has ${promptLength} tokens; the model has ${limit} positions and needs one to write`,
    );
  }
  if (given.maxNewTokens !== undefined) {
    if (promptLength + given.maxNewTokens > limit) {
      throw invalid('max_new_tokens', `must be at most ${limit - promptLength} here, is ${given.maxNewTokens}`);
    }
    return promptLength + given.maxNewTokens;
  }
  if (given.maxLength !== undefined) {
    if (given.maxLength > limit) throw invalid('max_length', `must be at most ${limit} here, is ${given.maxLength}`);
    if (given.maxLength <= promptLength) {
      throw invalid('max_length', `must be more than the ${promptLength} tokens before the first generated one`);
    }
    return given.maxLength;
  }
  const { maxNewTokens, maxLength } = model.defaults;
  const wanted = maxNewTokens !== undefined ? promptLength + maxNewTokens : (maxLength ?? promptLength + 20);
  // A model's own max_length may be shorter than a prompt of a decoder-only model: then the model's room is the limit.
  return Math.min(wanted > promptLength ? wanted : limit, limit);
}

function check(given: GenerationParameters, { vocabSize, seq2seq, eosTokenIds }: GenerationModel): void {
  whole('max_length', given.maxLength, 1, 1_048_576);
  whole('max_new_tokens', given.maxNewTokens, 1, 1_048_576);
  whole('min_length', given.minLength, 0, 1_048_576);
  whole('min_new_tokens', given.minNewTokens, 0, 1_048_576);
  whole('num_beams', given.numBeams, 1, WIDTH_MAX);
  whole('num_return_sequences', given.numReturnSequences, 1, WIDTH_MAX);
  whole('no_repeat_ngram_size', given.noRepeatNgramSize, 0, 1_024);
  whole('encoder_no_repeat_ngram_size', given.encoderNoRepeatNgramSize, 0, 1_024);
  whole('top_k', given.topK, 0, 10_000_000);
  whole('seed', given.seed, 0, 2 ** 32 - 1);
  finite('length_penalty', given.lengthPenalty, -10, 10);
  above('repetition_penalty', given.repetitionPenalty, 0, 100);
  above('temperature', given.temperature, 0, 100, '; for the likeliest tokens leave do_sample out');
  finite('top_p', given.topP, 0, 1);
  finite('min_p', given.minP, 0, 1);
  above('typical_p', given.typicalP, 0, 1);
  if (given.maxLength !== undefined && given.maxNewTokens !== undefined) {
    throw invalid('max_length', 'cannot be given together with max_new_tokens');
  }
  if (((given.minLength ?? 0) > 0 || (given.minNewTokens ?? 0) > 0) && eosTokenIds.length === 0) {
    const field = given.minLength === undefined ? 'min_new_tokens' : 'min_length';
    throw invalid(field, 'means nothing for this model: it has no end-of-sequence token', 'OPTION_UNSUPPORTED');
  }
  if (!seq2seq && given.forcedBosTokenId !== undefined) {
    throw invalid('forced_bos_token_id', 'is for encoder-decoder models', 'OPTION_UNSUPPORTED');
  }
  stops(given.stop ?? []);
  ids('forced_bos_token_id', given.forcedBosTokenId === undefined ? [] : [given.forcedBosTokenId], vocabSize);
  ids('forced_eos_token_id', given.forcedEosTokenId ?? [], vocabSize);
  ids('suppress_tokens', given.suppressTokens ?? [], vocabSize);
  ids('begin_suppress_tokens', given.beginSuppressTokens ?? [], vocabSize);
  for (const [index, word] of (given.badWordsIds ?? []).entries()) {
    if (word.length === 0) throw invalid(`bad_words_ids[${index}]`, 'must have at least one token');
    ids(`bad_words_ids[${index}]`, word, vocabSize);
  }
}

/** transformers warns and goes on; a caller of a service cannot see a warning. A neutral value is let pass. */
function idle(given: GenerationParameters, numBeams: number, doSample: boolean): void {
  if (!doSample) {
    if ((given.temperature ?? 1) !== 1) throw invalid('temperature', 'has no effect without do_sample');
    if ((given.topP ?? 1) !== 1) throw invalid('top_p', 'has no effect without do_sample');
    if ((given.minP ?? 0) !== 0) throw invalid('min_p', 'has no effect without do_sample');
    if ((given.typicalP ?? 1) !== 1) throw invalid('typical_p', 'has no effect without do_sample');
    if (![undefined, 0, 50].includes(given.topK)) throw invalid('top_k', 'has no effect without do_sample');
  }
  if (numBeams === 1) {
    if ((given.lengthPenalty ?? 1) !== 1) throw invalid('length_penalty', 'has no effect with one beam');
    if ((given.earlyStopping ?? false) !== false) throw invalid('early_stopping', 'has no effect with one beam');
  }
}

function stops(values: readonly string[]): void {
  if (values.length > STOPS_MAX) throw invalid('stop', `must have at most ${STOPS_MAX} strings, has ${values.length}`);
  for (const [index, value] of values.entries()) {
    if (value === '') throw invalid(`stop[${index}]`, 'must not be empty');
    if (value.length > STOP_CHARACTERS_MAX) {
      throw invalid(`stop[${index}]`, `must be at most ${STOP_CHARACTERS_MAX} characters, has ${value.length}`);
    }
  }
}

function ids(field: string, values: readonly number[], vocabSize: number): void {
  for (const value of values) {
    if (!Number.isInteger(value) || value < 0 || value >= vocabSize) {
      throw invalid(field, `must be token ids from 0 to ${vocabSize - 1}, has ${value}`);
    }
  }
}

function whole(field: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(field, `must be a whole number from ${min} to ${max}, is ${value}`);
  }
}

function finite(field: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined) return;
  if (!Number.isFinite(value) || value < min || value > max) {
    throw invalid(field, `must be a number from ${min} to ${max}, is ${value}`);
  }
}

function above(field: string, value: number | undefined, min: number, max: number, hint = ''): void {
  if (value === undefined) return;
  if (!Number.isFinite(value) || value <= min || value > max) {
    throw invalid(field, `must be a number above ${min} and at most ${max}, is ${value}${hint}`);
  }
}

function invalid(field: string, description: string, code: ErrorCode = 'FIELD_INVALID'): Error {
  return fieldError(code, `generation.${field}`, description);
}
