/**
 * A generator without a graph: words are tokens, and what it writes is a function of what it reads. Parameters are resolved and refused
 * as for any model, and every call is written down.
 */

import type { Generation, GenerationEvent, GeneratorModel } from '../../../inference/generate/index.js';
import {
  type GenerationModel,
  type GenerationParameters,
  type Resolved,
  resolveParameters,
} from '../../../inference/generate/parameters.js';
import { NO_STATS } from '../../../inference/tally.js';
import type { TextReader } from '../../../inference/texts.js';
import { chunk, type Tokenizer } from '../../../inference/tokenizer/index.js';
import { stored } from '../../inference/generate/models.js';

export interface WriterOptions {
  /** Default true: an encoder-decoder. */
  seq2seq?: boolean;
  /** Default none. */
  positionsMax?: number;
  /** Tokens of an input; default 64. */
  inputTokensMax?: number;
  defaults?: GenerationParameters;
  /** What it writes, without an end. */
  write(input: string): string;
  /** Of which inputs a loop was cut off. */
  loops?(input: string): boolean;
}

export interface Call {
  input: string;
  resolved: Resolved;
  /** Tokens that were taken of it. */
  taken: number;
}

export interface Writer {
  generator: GeneratorModel;
  calls: Call[];
}

const END = 1;
const TOKENS_MAX = 2_048;

export function createWriter(options: WriterOptions): Writer {
  const { seq2seq = true, positionsMax, inputTokensMax = 64, defaults = {}, write, loops } = options;
  const pieces: string[] = ['', ''];
  const ids = new Map<string, number>();
  const specials = seq2seq ? 1 : 0;
  const split = (text: string): string[] => text.match(/\s*\S+/g) ?? [];
  const encode = (text: string): number[] =>
    split(text).map((piece) => {
      if (!ids.has(piece)) ids.set(piece, pieces.push(piece) - 1);
      return ids.get(piece) as number;
    });
  const decode = (tokens: ArrayLike<number>): string => Array.from(tokens, (id) => pieces[id]).join('');
  const count = (text: string, addSpecialTokens = true): number =>
    split(text).length + (addSpecialTokens ? specials : 0);
  const tokenizer = {
    count,
    decode,
    specialTokenCount: () => specials,
    createDecodeStream: () => ({ push: (id: number) => pieces[id] ?? '', end: () => '' }),
    encode: (text: string) => ({
      offsets: [...text.matchAll(/\s*\S+/g)].flatMap(({ index, 0: piece }) => [index, index + piece.length]),
    }),
  } as unknown as Tokenizer;
  const texts = {
    count: async (all: readonly string[], addSpecialTokens: boolean) =>
      all.map((text) => count(text, addSpecialTokens)),
    chunk: async (text, given) => chunk(text, tokenizer, given),
    fit: async (all, { tokensMax }) =>
      all.map(({ text }) => {
        const whole = encode(text);
        const kept = whole.slice(0, tokensMax - specials);
        return { ids: Int32Array.from(seq2seq ? [...kept, END] : kept), truncated: kept.length < whole.length };
      }),
  } as Partial<TextReader> as TextReader;
  const model: GenerationModel = {
    seq2seq,
    vocabSize: 1_000_000,
    decoderStartTokenId: 0,
    eosTokenIds: [END],
    padTokenId: 0,
    positionsMax,
    defaults,
  };
  const calls: Call[] = [];
  const resolve = (given: GenerationParameters, inputTokens: number): Resolved =>
    resolveParameters(given, model, inputTokens, TOKENS_MAX, () => 0);

  async function* stream(
    input: ArrayLike<number>,
    given: GenerationParameters,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const resolved = resolve(given, input.length);
    const call: Call = { input: decode(input), resolved, taken: 0 };
    calls.push(call);
    const most = resolved.maxLength - resolved.promptLength;
    const least = Math.min(most, resolved.minLength - resolved.promptLength);
    const own = encode(write(call.input));
    while (own.length < least) own.push(...encode(' more'));
    const written = [...own, END].slice(0, most);
    for (const id of written) {
      call.taken++;
      yield { at: 'token', id, logprob: -1 };
    }
    const finish = loops?.(call.input) ? 'repetition' : written.at(-1) === END ? 'eos' : 'length';
    const logprobs = resolved.returnLogprobs ? written.map(() => -1) : [];
    yield {
      at: 'done',
      results: [{ ids: written, score: undefined, logprobs, finish }],
      inputTokens: input.length,
      outputTokens: written.length,
      timings: { queueMs: 0, batchMs: 0, computeMs: 1, batchSize: 1 },
    };
  }

  const generator: GeneratorModel = {
    manifest: stored('writer', '', { maxTokens: inputTokensMax }).manifest,
    tokenizer,
    texts,
    model,
    inputTokensMax,
    description: 'words',
    ragged: true,
    newTokensMax: (inputTokens) =>
      Math.min(TOKENS_MAX, (positionsMax ?? Number.POSITIVE_INFINITY) - (seq2seq ? 1 : inputTokens)),
    newCaller: () => 1,
    check: (given, inputTokens) => void resolve(given, inputTokens),
    async generate(input, given) {
      for await (const event of stream(input, given)) if (event.at === 'done') return event as Generation;
      throw new Error('the stream did not end');
    },
    stream,
    warmUp: async () => {},
    stats: () => ({ ...NO_STATS, tokenizeNs: 0, queueLength: 0, queueTokens: 0, memoryBytes: 0, generatedTokens: 0 }),
    close: async () => {},
  };
  return { generator, calls };
}
