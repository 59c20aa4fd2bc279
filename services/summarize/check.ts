/** SummarizeRequest and SummarizeStreamRequest to plain, complete options: first what the request alone says, then what the model can do. */
import { invalid, range, textLength, texts } from '../../chassis/check.js';
import type { GenerationParameters } from '../../inference/generate/index.js';
import type { GenerationParameters__Output } from '../../protos/gen/plexus/v1/GenerationParameters.js';
import type { SummarizeRequest__Output } from '../../protos/gen/plexus/v1/SummarizeRequest.js';
import type { SummarizeStreamRequest__Output } from '../../protos/gen/plexus/v1/SummarizeStreamRequest.js';
import type { SummaryLength__Output } from '../../protos/gen/plexus/v1/SummaryLength.js';
import { oneOf } from '../truncate.js';
import type { Combine, Length, SummarizeModel, SummarizeOptions } from './model.js';

/** Texts of one request. */
export const TEXTS_MAX = 64;
const FOCUS_MAX = 1_000;
/** Tokens that are forced or suppressed, and words that are bad; tokens of one such word. */
const LISTED_MAX = 1_000;
const WORD_TOKENS_MAX = 64;

export interface SummarizeAsked extends Omit<SummarizeOptions, 'combine' | 'field'> {
  texts: readonly string[];
  mode: 'extractive' | 'abstractive' | undefined;
  combine: Combine | undefined;
  /** Names a text in errors. */
  field: (index: number) => string;
}

type Common = Omit<SummarizeRequest__Output, 'texts' | 'model'>;

export function checkSummarize(request: SummarizeRequest__Output): SummarizeAsked {
  return {
    ...checkCommon(request),
    texts: texts('texts', request.texts, TEXTS_MAX),
    field: (index) => `texts[${index}]`,
  };
}

export function checkSummarizeStream(request: SummarizeStreamRequest__Output): SummarizeAsked {
  return { ...checkCommon(request), texts: [textLength('text', request.text)], field: () => 'text' };
}

function checkCommon(request: Common): Omit<SummarizeAsked, 'texts' | 'field'> {
  const generation = request.generation ? checkGeneration(request.generation) : undefined;
  const length = request.length ? checkLength(request.length) : undefined;
  if (length && (generation?.maxLength !== undefined || generation?.maxNewTokens !== undefined)) {
    throw invalid('length', 'cannot be given together with generation.max_length or generation.max_new_tokens');
  }
  const focus = textLength('focus', request.focus, FOCUS_MAX).trim();
  const combine = oneOf<string, Combine | undefined>('combine', request.combine, {
    COMBINE_UNSPECIFIED: undefined,
    COMBINE_MAP_REDUCE: 'map_reduce',
    COMBINE_REFINE: 'refine',
    COMBINE_EXTRACT_THEN_ABSTRACT: 'extract_then_abstract',
  });
  if (focus !== '' && combine !== undefined && combine !== 'extract_then_abstract') {
    throw invalid(
      'combine',
      'must be COMBINE_EXTRACT_THEN_ABSTRACT or absent with a focus, which chooses the sentences about it first',
    );
  }
  return {
    mode: oneOf('mode', request.mode, {
      SUMMARIZE_MODE_UNSPECIFIED: undefined,
      SUMMARIZE_MODE_EXTRACTIVE: 'extractive',
      SUMMARIZE_MODE_ABSTRACTIVE: 'abstractive',
    }),
    length,
    generation,
    focus,
    bullets: oneOf('format', request.format, {
      SUMMARY_FORMAT_UNSPECIFIED: false,
      SUMMARY_FORMAT_PARAGRAPH: false,
      SUMMARY_FORMAT_BULLETS: true,
    }),
    combine,
    faithfulness: request.faithfulness,
    language: checkLanguage(request.language),
  };
}

function checkLength(given: SummaryLength__Output): Length | undefined {
  switch (given.unit) {
    case 'sentences':
      return { sentences: range('length.sentences', given.sentences ?? 0, 1, 1_000) };
    case 'words':
      return { words: range('length.words', given.words ?? 0, 1, 100_000) };
    case 'tokens':
      return { tokens: range('length.tokens', given.tokens ?? 0, 1, 100_000) };
    case 'share': {
      const share = range('length.share', given.share ?? 0, 0, 1);
      if (share === 0) throw invalid('length.share', 'must be above 0 and at most 1, is 0');
      return { share };
    }
    default:
      return undefined; // An empty SummaryLength says nothing.
  }
}

function checkGeneration(given: GenerationParameters__Output): GenerationParameters {
  const {
    stop,
    returnLogprobs,
    earlyStopping,
    forcedEosTokenId,
    suppressTokens,
    beginSuppressTokens,
    badWordsIds,
    ...rest
  } = given;
  const early = oneOf<string, boolean | 'never' | undefined>('generation.early_stopping', earlyStopping, {
    EARLY_STOPPING_UNSPECIFIED: undefined,
    EARLY_STOPPING_FALSE: false,
    EARLY_STOPPING_TRUE: true,
    EARLY_STOPPING_NEVER: 'never',
  });
  // proto-loader adds "_maxLength" beside "maxLength" to say that it was given.
  const parameters = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('_')));
  return {
    ...(parameters as GenerationParameters),
    ...(early !== undefined && { earlyStopping: early }),
    ...(stop.length > 0 && { stop }),
    ...(returnLogprobs && { returnLogprobs }),
    ...named('forced_eos_token_id', 'forcedEosTokenId', forcedEosTokenId),
    ...named('suppress_tokens', 'suppressTokens', suppressTokens),
    ...named('begin_suppress_tokens', 'beginSuppressTokens', beginSuppressTokens),
    ...named(
      'bad_words_ids',
      'badWordsIds',
      badWordsIds.map(({ ids }, index) => atMost(`bad_words_ids[${index}]`, ids, WORD_TOKENS_MAX)),
    ),
  };
}

/** A list that was given; an empty one is the model's own. */
function named<K extends string, T>(field: string, key: K, list: readonly T[]): { [key in K]?: readonly T[] } {
  if (list.length === 0) return {};
  return { [key]: atMost(field, list, LISTED_MAX) } as { [key in K]: readonly T[] };
}

function atMost<T>(field: string, list: readonly T[], max: number): readonly T[] {
  if (list.length <= max) return list;
  throw invalid(`generation.${field}`, `must have at most ${max}, has ${list.length}`, 'TOO_MANY_ITEMS');
}

function checkLanguage(tag: string): string {
  if (tag === '') return '';
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? '';
  } catch {
    throw invalid('language', `must be a BCP-47 tag such as "en" or "pt-BR", is ${JSON.stringify(tag.slice(0, 40))}`);
  }
}

/** What the model makes of the request; OPTION_UNSUPPORTED says what it cannot do and which kind of model can. */
export function resolveSummarize(asked: SummarizeAsked, model: SummarizeModel, index: number): SummarizeOptions {
  const { mode, generation, combine } = asked;
  const { name, version } = model.manifest;
  if (mode !== undefined && mode !== model.mode) {
    const can = `${name}@${version} is an ${model.mode} model`;
    throw invalid('mode', `${can}: name an ${mode} model, or leave mode out`, 'OPTION_UNSUPPORTED');
  }
  if (model.mode === 'extractive') {
    const sentence = `${name}@${version} chooses sentences and generates nothing`;
    if (generation !== undefined) throw invalid('generation', sentence, 'OPTION_UNSUPPORTED');
    if (combine !== undefined) throw invalid('combine', `${sentence}: it reads the whole text`, 'OPTION_UNSUPPORTED');
  }
  const { length, focus, bullets, faithfulness, language, field } = asked;
  return {
    length,
    generation,
    focus,
    bullets,
    faithfulness,
    language,
    combine: combine ?? (focus === '' ? 'map_reduce' : 'extract_then_abstract'),
    field: field(index),
  };
}
