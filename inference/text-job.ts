/** One piece of tokenizer work as plain data, so that it can be done here or in the thread for long texts. */
import { type PackedEncoding, packEncoding } from './packed-encoding.js';
import {
  type Chunk,
  type ChunkOptions,
  chunk,
  type EncodeOptions,
  type Tokenizer,
  TokenizerError,
} from './tokenizer/index.js';

export type TextJob =
  /** Ids for a model that takes `tokensMax`. */
  | {
      kind: 'fit';
      text: string;
      pair?: string;
      tokensMax: number;
      truncate: 'right' | 'left' | 'refuse';
      cutFirstOnly?: boolean;
    }
  | { kind: 'encode'; text: string; pair?: string; options: Partial<EncodeOptions> }
  | { kind: 'count'; text: string; addSpecialTokens: boolean }
  | { kind: 'decode'; ids: ArrayLike<number>; skipSpecialTokens: boolean }
  | { kind: 'chunk'; text: string; options: ChunkOptions };

export interface TextAnswers {
  /** `tooLong`: tokens of a text that is longer than allowed and must not be cut. */
  fit: { ids: Int32Array; typeIds?: Uint8Array; truncated: boolean } | { tooLong: number };
  encode: PackedEncoding;
  count: number;
  decode: string;
  chunk: Chunk[];
}

/** What a text cannot be given with these options (a stride beyond what is left of one text of a pair), in words. */
export interface TextRefused {
  refused: string;
}

/** UTF-16 code units the job reads, or ids. */
export function sizeOf(job: TextJob): number {
  if (job.kind === 'decode') return job.ids.length;
  return job.text.length + ('pair' in job && job.pair !== undefined ? job.pair.length : 0);
}

export function performTextJob<K extends TextJob['kind']>(
  tokenizer: Tokenizer,
  job: Extract<TextJob, { kind: K }>,
): TextAnswers[K] | TextRefused {
  try {
    return perform(tokenizer, job) as TextAnswers[K];
  } catch (error) {
    if (error instanceof TokenizerError) return { refused: error.message };
    throw error;
  }
}

function perform(tokenizer: Tokenizer, job: TextJob): TextAnswers[TextJob['kind']] {
  switch (job.kind) {
    case 'fit':
      return job.pair === undefined ? fitText(tokenizer, job) : fitPair(tokenizer, job, job.pair);
    case 'encode':
      return packEncoding(
        job.pair === undefined
          ? tokenizer.encode(job.text, job.options)
          : tokenizer.encodePair(job.text, job.pair, job.options),
        job.text,
        job.pair,
      );
    case 'count':
      return tokenizer.count(job.text, job.addSpecialTokens);
    case 'decode':
      return tokenizer.decode(job.ids, { skipSpecialTokens: job.skipSpecialTokens });
    case 'chunk':
      return chunk(job.text, tokenizer, job.options);
  }
}

type Fit = Extract<TextJob, { kind: 'fit' }>;

/** One pass for all but the texts that fill the limit exactly: only those are counted again, to tell cut from full. */
function fitText(tokenizer: Tokenizer, { text, tokensMax, truncate }: Fit): TextAnswers['fit'] {
  if (truncate === 'refuse') {
    const ids = tokenizer.encodeIds(text);
    return ids.length > tokensMax ? { tooLong: ids.length } : { ids, truncated: false };
  }
  const ids = tokenizer.encodeIds(text, { maxTokens: tokensMax, truncationSide: truncate });
  return { ids, truncated: ids.length === tokensMax && tokenizer.count(text) > tokensMax };
}

function fitPair(
  tokenizer: Tokenizer,
  { text, tokensMax, truncate, cutFirstOnly }: Fit,
  pair: string,
): TextAnswers['fit'] {
  const whole = tokenizer.encodePair(text, pair);
  if (whole.ids.length <= tokensMax) return { ids: whole.ids, typeIds: whole.typeIds, truncated: false };
  if (truncate === 'refuse') return { tooLong: whole.ids.length };
  const cut = tokenizer.encodePair(text, pair, {
    maxTokens: tokensMax,
    truncationSide: truncate,
    truncationStrategy: cutFirstOnly ? 'only_first' : 'longest_first',
  });
  return { ids: cut.ids, typeIds: cut.typeIds, truncated: true };
}
