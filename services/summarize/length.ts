/**
 * How long things are in tokens: what a model reads at once, what it may write for the length asked for, and what it may write of a
 * part. A length asked for goes before the model's own, and never asks for more than the model has room to write.
 */
import { countWordsInTurns } from '../../inference/extract/index.js';
import type { GenerationParameters, GeneratorModel } from '../../inference/generate/index.js';
import { rpcTurns } from '../../inference/turns.js';
import type { Layout } from './format.js';
import type { SummarizeOptions } from './model.js';

/** Tokens that are kept free for the answer of a decoder-only model that says nothing of its own. */
const ANSWER_TOKENS = 128;
/** Tokens a sentence may need, generously. */
const SENTENCE_TOKENS = 64;
/** What is left of a model's own least length, as a share of a limit that would otherwise be below or close to it. */
const LEAST_SHARE = 1 / 4;

export interface Lengths {
  /** Tokens of one input: all the model takes, less what a decoder-only model needs to answer in. */
  inputMax(given: GenerationParameters): number;
  /** The request's length in the terms of generation and of layout. `sourceTokens`: all of its input, were it read at once. */
  lengthOf(
    text: string,
    sourceTokens: number,
    options: SummarizeOptions,
  ): Promise<{ layout: Layout; given: GenerationParameters }>;
  /**
   * How a part is written: as the whole would be, but two summaries of parts fit into one input of `tokensMax`, and where a length was
   * asked for, which is that of the whole, a part has at least what the model writes by itself.
   */
  ofPart(
    given: GenerationParameters,
    length: SummarizeOptions['length'],
    tokensMax: number,
  ): GenerationParameters & { maxNewTokens: number };
}

/** `prefixTokens`: of the text that is put before every input. */
export function createLengths(generator: GeneratorModel, prefixTokens: number): Lengths {
  const { model, tokenizer } = generator;
  const specials = tokenizer.specialTokenCount();
  const positions = model.positionsMax ?? Number.POSITIVE_INFINITY;
  /** Tokens the model writes by itself (transformers' 20 where its files say nothing); undefined where that depends on its prompt. */
  const ownMax = model.defaults.maxNewTokens ?? (model.seq2seq ? (model.defaults.maxLength ?? 21) - 1 : undefined);

  /** Tokens that must be written by the model's own files before it may end. */
  const ownLeast = (promptTokens: number): number =>
    model.eosTokenIds.length === 0
      ? 0
      : (model.defaults.minNewTokens ??
        Math.max(0, (model.defaults.minLength ?? 0) - (model.seq2seq ? 1 : promptTokens)));

  const inputMax: Lengths['inputMax'] = (given) => {
    if (model.seq2seq) return generator.inputTokensMax;
    const answer = given.maxNewTokens ?? Math.min(ownMax ?? ANSWER_TOKENS, Math.floor(positions / 2));
    return Math.max(prefixTokens + 8, Math.min(generator.inputTokensMax, positions - answer));
  };

  /**
   * Tokens an answer may have. A decoder-only model reads and writes in the same positions: up to half of them are the answer's, and of
   * a text that needs more than the rest only so much is read at once.
   */
  const answerMax = (sourceTokens: number): number =>
    generator.newTokensMax(Math.min(sourceTokens, Math.max(prefixTokens + 8, Math.floor(positions / 2))));

  const lengthOf: Lengths['lengthOf'] = async (text, sourceTokens, { length, bullets, language, generation }) => {
    const layout: Layout = {
      bullets,
      sentencesMax: Number.POSITIVE_INFINITY,
      wordsMax: Number.POSITIVE_INFINITY,
      locale: language,
    };
    if (!length) return { layout, given: {} };
    const upTo = (tokens: number) => {
      const maxNewTokens = Math.min(tokens, answerMax(sourceTokens));
      // A least length that is the model's own gives way to the length asked for: it would forbid to end in time.
      const least = Math.min(ownLeast(sourceTokens), Math.floor(maxNewTokens * LEAST_SHARE));
      const asked = generation?.minLength !== undefined || generation?.minNewTokens !== undefined;
      return { layout, given: { maxNewTokens, ...(!asked && { minNewTokens: least }) } };
    };
    if ('tokens' in length) return upTo(length.tokens);
    if ('sentences' in length) {
      layout.sentencesMax = length.sentences;
      return upTo(length.sentences * SENTENCE_TOKENS);
    }
    const sourceWords = await countWordsInTurns(text, rpcTurns);
    layout.wordsMax = 'words' in length ? length.words : Math.max(1, Math.round(length.share * sourceWords));
    const tokensPerWord = Math.min(4, Math.max(1, sourceTokens / Math.max(1, sourceWords)));
    return upTo(Math.ceil(layout.wordsMax * tokensPerWord * 1.25) + 8);
  };

  const ofPart: Lengths['ofPart'] = (given, length, tokensMax) => {
    const { maxLength, minLength, minNewTokens, ...rest } = given;
    const half = Math.floor((tokensMax - prefixTokens - specials) / 2) - 1;
    const most = Math.min(Math.max(1, half), generator.newTokensMax(tokensMax));
    const own = ownMax ?? ANSWER_TOKENS;
    const asked = given.maxNewTokens ?? (model.seq2seq && maxLength !== undefined ? maxLength - 1 : ownMax);
    const maxNewTokens = Math.min(most, length ? Math.max(own, asked ?? 0) : (asked ?? own));
    const promptTokens = model.seq2seq ? 1 : tokensMax;
    const least =
      minNewTokens ?? (minLength === undefined ? ownLeast(promptTokens) : Math.max(0, minLength - promptTokens));
    return {
      ...rest,
      returnLogprobs: false,
      numReturnSequences: 1,
      maxNewTokens,
      ...(model.eosTokenIds.length > 0 && {
        minNewTokens: least <= maxNewTokens ? least : Math.floor(maxNewTokens * LEAST_SHARE),
      }),
    };
  };

  return { inputMax, lengthOf, ofPart };
}
