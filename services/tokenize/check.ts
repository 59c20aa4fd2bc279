/** The requests of Tokenize to plain, complete options: first what the request alone says, then what the tokenizer can do. */
import { invalid, items, range, textLength, texts } from '../../chassis/check.js';
import { fieldError } from '../../chassis/errors.js';
import type { ChunkOptions, EncodeOptions, TextInput } from '../../inference/index.js';
import type { ChunkRequest__Output } from '../../protos/gen/plexus/v1/ChunkRequest.js';
import type { CountRequest__Output } from '../../protos/gen/plexus/v1/CountRequest.js';
import type { DecodeRequest__Output } from '../../protos/gen/plexus/v1/DecodeRequest.js';
import type { EncodeRequest__Output } from '../../protos/gen/plexus/v1/EncodeRequest.js';
import type { Truncation__Output } from '../../protos/gen/plexus/v1/Truncation.js';
import { oneOf } from '../truncate.js';
import type { TokenizeModel } from './model.js';

/** Tokens of one text's pieces together, or that its chunks repeat: a stride near max_tokens multiplies a text by thousands. */
export const OVERFLOW_TOKENS_MAX = 1_000_000;
/** Ids of one Decode sequence. */
export const IDS_MAX = 1_000_000;

export interface EncodeAsked {
  inputs: readonly TextInput[];
  options: Partial<EncodeOptions>;
}

export function checkEncode(request: EncodeRequest__Output): EncodeAsked {
  texts('texts', request.texts);
  const { pairs } = request;
  if (pairs.length > 0) {
    if (pairs.length !== request.texts.length) {
      throw invalid('pairs', `must be none or as many as texts (${request.texts.length}), are ${pairs.length}`);
    }
    texts('pairs', pairs);
  }
  return {
    inputs: request.texts.map((text, index) => (pairs.length > 0 ? { text, pair: pairs[index] as string } : { text })),
    options: {
      addSpecialTokens: request.addSpecialTokens ?? true,
      ...(request.truncation && checkTruncation(request.truncation, pairs.length > 0)),
    },
  };
}

function checkTruncation(truncation: Truncation__Output, paired: boolean): Partial<EncodeOptions> {
  const { maxTokens, stride } = truncation;
  range('truncation.max_tokens', maxTokens, 1, 10_000_000);
  range('truncation.stride', stride, 0, maxTokens - 1);
  const truncationStrategy = oneOf('truncation.strategy', truncation.strategy, {
    TRUNCATION_STRATEGY_UNSPECIFIED: 'longest_first',
    TRUNCATION_STRATEGY_LONGEST_FIRST: 'longest_first',
    TRUNCATION_STRATEGY_ONLY_FIRST: 'only_first',
    TRUNCATION_STRATEGY_ONLY_SECOND: 'only_second',
  } as const);
  if (truncationStrategy === 'only_second' && !paired) {
    throw invalid('truncation.strategy', 'can be ONLY_SECOND only where pairs are given');
  }
  return {
    maxTokens,
    stride,
    truncationSide: oneOf('truncation.side', truncation.side, {
      TRUNCATION_SIDE_UNSPECIFIED: 'right',
      TRUNCATION_SIDE_RIGHT: 'right',
      TRUNCATION_SIDE_LEFT: 'left',
    } as const),
    truncationStrategy,
  };
}

/** What the tokenizer makes of the request: special tokens need room, and a stride must not multiply a text without bounds. */
export async function resolveEncode(
  { inputs, options }: EncodeAsked,
  { manifest, tokenizer, texts: reader }: TokenizeModel,
  signal: AbortSignal,
): Promise<void> {
  const { maxTokens, stride = 0 } = options;
  if (maxTokens === undefined) return;
  const paired = inputs[0]?.pair !== undefined;
  const specials = options.addSpecialTokens ? tokenizer.specialTokenCount(paired) : 0;
  const least = specials + 1;
  if (maxTokens < least) {
    const text = `must be at least ${least} for ${manifest.name}, which adds ${specials} special tokens; is ${maxTokens}`;
    throw invalid('truncation.max_tokens', text);
  }
  const room = maxTokens - specials;
  if (stride >= room) {
    const text = `must be below ${room}, the tokens that fit beside ${specials} special ones; is ${stride}`;
    throw invalid('truncation.stride', text);
  }
  if (stride === 0) return;
  const growth = room / (room - stride);
  const whole = inputs.map(({ text, pair = '' }) => text + pair);
  await boundRepeated(reader, whole, growth, signal, (index, tokens) =>
    invalid(
      'truncation.stride',
      `would make ${tokens} tokens of texts[${index}]; at most ${OVERFLOW_TOKENS_MAX}: use a smaller stride`,
    ),
  );
}

/** Refuses a text of which `factor` times its tokens would be too many: pieces that repeat much of the one before. */
async function boundRepeated(
  reader: TokenizeModel['texts'],
  texts: readonly string[],
  factor: number,
  signal: AbortSignal,
  refused: (index: number, tokens: number) => Error,
): Promise<void> {
  // Only texts that could get there are counted; a token has at least one code unit, special ones aside.
  const long = texts
    .map((text, index) => ({ text, index }))
    .filter(({ text }) => text.length * factor * 4 > OVERFLOW_TOKENS_MAX);
  const counts = await reader.count(
    long.map(({ text }) => text),
    false,
    signal,
  );
  for (const [place, count] of counts.entries()) {
    const tokens = Math.round(count * factor);
    if (tokens > OVERFLOW_TOKENS_MAX) throw refused((long[place] as { index: number }).index, tokens);
  }
}

export function checkCount(request: CountRequest__Output): { texts: readonly string[]; addSpecialTokens: boolean } {
  return { texts: texts('texts', request.texts), addSpecialTokens: request.addSpecialTokens ?? true };
}

export function checkDecode(request: DecodeRequest__Output): {
  sequences: readonly (readonly number[])[];
  skipSpecialTokens: boolean;
} {
  items('sequences', request.sequences);
  const sequences = request.sequences.map(({ ids }) => ids);
  for (const [index, ids] of sequences.entries()) {
    if (ids.length > IDS_MAX) {
      const text = `must have at most ${IDS_MAX} ids, has ${ids.length}; send it in pieces`;
      throw fieldError('TOO_MANY_ITEMS', `sequences[${index}].ids`, text, { limit: String(IDS_MAX) });
    }
  }
  return { sequences, skipSpecialTokens: request.skipSpecialTokens ?? true };
}

/** Every id must be one of the tokenizer's: a wrong one is a mix-up of models, not a text. */
export function resolveDecode(sequences: readonly (readonly number[])[], { manifest, tokenizer }: TokenizeModel): void {
  for (const [index, ids] of sequences.entries()) {
    for (let place = 0; place < ids.length; place++) {
      const id = ids[place] as number;
      if (id < tokenizer.vocabSize) continue;
      throw invalid(
        `sequences[${index}].ids[${place}]`,
        `must be below ${tokenizer.vocabSize}, the vocabulary of ${manifest.name}; is ${id}`,
      );
    }
  }
}

export interface ChunkAsked {
  text: string;
  /** Without special tokens; 0: what the model takes. */
  maxTokens: number;
  overlapTokens: number;
  locale: string | undefined;
}

export function checkChunk(request: ChunkRequest__Output): ChunkAsked {
  const { maxTokens, overlapTokens, language } = request;
  if (maxTokens !== 0) range('overlap_tokens', overlapTokens, 0, maxTokens - 1);
  if (language !== '' && !isLanguage(language)) {
    throw invalid('language', `must be a BCP-47 tag ("de", "pt-BR"), is ${JSON.stringify(language.slice(0, 40))}`);
  }
  return { text: textLength('text', request.text), maxTokens, overlapTokens, locale: language || undefined };
}

/** The limit with special tokens, as the chunker counts it; an overlap must not multiply the text without bounds. */
export async function resolveChunk(
  asked: ChunkAsked,
  { manifest, tokenizer, texts: reader }: TokenizeModel,
  signal: AbortSignal,
): Promise<ChunkOptions> {
  const { text, overlapTokens } = asked;
  const specials = tokenizer.specialTokenCount();
  const maxTokens = asked.maxTokens || Math.max(1, manifest.maxTokens - specials);
  range('overlap_tokens', overlapTokens, 0, maxTokens - 1);
  if (overlapTokens > 0) {
    const repeated = overlapTokens / (maxTokens - overlapTokens);
    await boundRepeated(reader, [text], repeated, signal, (_, tokens) =>
      invalid(
        'overlap_tokens',
        `would repeat up to ${tokens} tokens; at most ${OVERFLOW_TOKENS_MAX}: use a smaller overlap`,
      ),
    );
  }
  return {
    maxTokens: maxTokens + specials,
    overlapTokens,
    ...(asked.locale !== undefined && { locale: asked.locale }),
  };
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
