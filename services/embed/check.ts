/** The requests of Embed to plain, complete options: first what the request alone says, then what the model can do. */
import { invalid, items, range, textLength, texts } from '../../chassis/check.js';
import { fieldError } from '../../chassis/errors.js';
import type { Truncate } from '../../inference/index.js';
import type { Pooling } from '../../models/index.js';
import type { EmbedRequest__Output } from '../../protos/gen/plexus/v1/EmbedRequest.js';
import type { EmbedSparseRequest__Output } from '../../protos/gen/plexus/v1/EmbedSparseRequest.js';
import type { EmbedTokensRequest__Output } from '../../protos/gen/plexus/v1/EmbedTokensRequest.js';
import type { SimilarityRequest__Output } from '../../protos/gen/plexus/v1/SimilarityRequest.js';
import { checkTruncate, oneOf } from '../truncate.js';
import type { VectorFormat } from './format.js';
import type { EmbedModel, EmbedOptions, EmbedSparseOptions, EmbedTokensOptions } from './model.js';

export type Metric = 'cosine' | 'dot' | 'euclidean';

export interface EmbedAsked {
  texts: readonly string[];
  pooling: Pooling | undefined;
  normalize: boolean | undefined;
  /** Undefined: the model's default; "": none. */
  promptName: string | undefined;
  /** 0: all. */
  dimensions: number;
  truncate: Truncate;
  format: VectorFormat;
}

export function checkEmbed(request: EmbedRequest__Output): EmbedAsked {
  return {
    texts: texts('texts', request.texts),
    pooling: oneOf('pooling', request.pooling, {
      POOLING_UNSPECIFIED: undefined,
      POOLING_MEAN: 'mean',
      POOLING_CLS: 'cls',
      POOLING_LAST: 'last',
      POOLING_MAX: 'max',
      POOLING_WEIGHTED_MEAN: 'weightedmean',
      POOLING_MEAN_SQRT_LEN: 'mean_sqrt_len',
    }),
    normalize: request.normalize,
    promptName: checkPrompt(request),
    dimensions: request.dimensions,
    truncate: checkTruncate(request.truncate),
    format: checkFormat(request.format),
  };
}

/** Undefined: the model's default; "": none. */
function checkPrompt({ promptName, noPrompt }: { promptName: string; noPrompt: boolean }): string | undefined {
  if (noPrompt && promptName !== '') throw invalid('no_prompt', 'contradicts prompt_name; give one of them');
  return noPrompt ? '' : promptName || undefined;
}

function checkFormat(format: EmbedRequest__Output['format']): VectorFormat {
  return oneOf('format', format, {
    VECTOR_FORMAT_UNSPECIFIED: 'float',
    VECTOR_FORMAT_FLOAT: 'float',
    VECTOR_FORMAT_BASE64: 'base64',
    VECTOR_FORMAT_INT8: 'int8',
    VECTOR_FORMAT_BINARY: 'binary',
  });
}

export type EmbedTokensAsked = Omit<EmbedAsked, 'pooling'> & { skipSpecialTokens: boolean };

export function checkEmbedTokens(request: EmbedTokensRequest__Output): EmbedTokensAsked {
  return {
    texts: texts('texts', request.texts),
    normalize: request.normalize,
    promptName: checkPrompt(request),
    dimensions: request.dimensions,
    truncate: checkTruncate(request.truncate),
    format: checkFormat(request.format),
    skipSpecialTokens: request.skipSpecialTokens,
  };
}

export interface EmbedSparseAsked {
  texts: readonly string[];
  /** 0: all. */
  topK: number;
  threshold: number;
  withTokens: boolean;
  /** Undefined: the model's default; "": none. */
  promptName: string | undefined;
  truncate: Truncate;
}

export function checkEmbedSparse(request: EmbedSparseRequest__Output): EmbedSparseAsked {
  return {
    texts: texts('texts', request.texts),
    topK: request.topK,
    threshold: range('threshold', request.threshold, 0, Number.MAX_VALUE),
    withTokens: request.withTokens,
    promptName: checkPrompt(request),
    truncate: checkTruncate(request.truncate),
  };
}

export interface SimilarityAsked {
  /** One for all texts, or one each. */
  sources: readonly string[];
  texts: readonly string[];
  /** Names a source, or a text, in errors. */
  sourceField: (index: number) => string;
  textField: (index: number) => string;
  /** Undefined: the model's own. */
  metric: Metric | 'max-sim' | undefined;
  promptName: string | undefined;
  sourcePromptName: string | undefined;
  truncate: Truncate;
}

export function checkSimilarity(request: SimilarityRequest__Output): SimilarityAsked {
  const promptName = checkPrompt(request);
  const { sourcePromptName = promptName } = request;
  return {
    ...(request.pairs.length > 0 ? checkPairs(request) : checkSource(request)),
    metric: oneOf('metric', request.metric, {
      METRIC_UNSPECIFIED: undefined,
      METRIC_COSINE: 'cosine',
      METRIC_DOT: 'dot',
      METRIC_EUCLIDEAN: 'euclidean',
      METRIC_MAX_SIM: 'max-sim',
    }),
    promptName,
    sourcePromptName,
    truncate: checkTruncate(request.truncate),
  };
}

type Compared = Pick<SimilarityAsked, 'sources' | 'texts' | 'sourceField' | 'textField'>;

function checkSource(request: SimilarityRequest__Output): Compared {
  return {
    sources: [textLength('source', request.source)],
    texts: texts('texts', request.texts),
    sourceField: () => 'source',
    textField: field,
  };
}

function checkPairs({ pairs, source, texts }: SimilarityRequest__Output): Compared {
  if (source !== '' || texts.length > 0) {
    throw invalid('pairs', 'stand in place of source and texts; give either pairs, or a source and texts');
  }
  items('pairs', pairs);
  const sourceField = (index: number): string => `pairs[${index}].source`;
  const textField = (index: number): string => `pairs[${index}].text`;
  for (const [index, { source, text }] of pairs.entries()) {
    textLength(sourceField(index), source);
    textLength(textField(index), text);
  }
  return { sources: pairs.map(({ source }) => source), texts: pairs.map(({ text }) => text), sourceField, textField };
}

const field = (index: number): string => `texts[${index}]`;

/** What every method that embeds is asked; `promptField` is what errors call `promptName`. */
type Prompted = Pick<EmbedAsked, 'promptName' | 'truncate'> & { promptField?: string };

/** What the model makes of the request; MODEL_WRONG_TASK, OPTION_UNSUPPORTED and FIELD_INVALID say what it can do. */
export function resolveEmbed(asked: Prompted & Partial<EmbedAsked>, model: EmbedModel): EmbedOptions {
  const { manifest, poolings } = model;
  if (!model.gives.vectors) throw wrongKind(model, 'sparse vectors; use EmbedSparse');
  const pooling = asked.pooling ?? (poolings[0] as Pooling);
  if (!poolings.includes(pooling)) {
    const can = poolings.join(', ');
    throw invalid(
      'pooling',
      `${manifest.name} pools itself (${can}); it cannot pool by ${pooling}`,
      'OPTION_UNSUPPORTED',
    );
  }
  return {
    pooling,
    normalize: asked.normalize ?? manifest.embed?.normalize ?? true,
    prompt: promptOf(asked, model),
    dimensions: dimensionsOf(asked.dimensions, model.dimensionsOf(pooling)),
    truncate: asked.truncate,
    field,
  };
}

export function resolveEmbedTokens(asked: Prompted & Partial<EmbedTokensAsked>, model: EmbedModel): EmbedTokensOptions {
  if (!model.gives.tokens)
    throw wrongKind(
      model,
      model.gives.sparse ? 'sparse vectors; use EmbedSparse' : 'one vector a text, not one a token',
    );
  return {
    normalize: asked.normalize ?? model.manifest.embed?.normalize ?? true,
    prompt: promptOf(asked, model),
    dimensions: dimensionsOf(asked.dimensions, model.dimensionsOf('tokens')),
    truncate: asked.truncate,
    field,
  };
}

export function resolveEmbedSparse(asked: Prompted & Partial<EmbedSparseAsked>, model: EmbedModel): EmbedSparseOptions {
  if (!model.gives.sparse)
    throw wrongKind(model, 'dense vectors; use Embed, or a model with a masked-LM head (SPLADE)');
  return {
    topK: asked.topK ?? 0,
    threshold: asked.threshold ?? 0,
    prompt: promptOf(asked, model),
    truncate: asked.truncate,
    field,
  };
}

function wrongKind({ manifest }: EmbedModel, gives: string): Error {
  return fieldError('MODEL_WRONG_TASK', 'model', `${manifest.name} gives ${gives}`, { model: manifest.name });
}

/** The text of one of the model's prompts, or of its default where none is named; "" for none. */
function promptOf(
  { promptName: name, promptField = 'prompt_name' }: Prompted,
  { manifest, ownPrompt }: EmbedModel,
): string {
  if (name === undefined) return ownPrompt;
  if (name === '') return '';
  const prompts = manifest.embed?.prompts ?? {};
  if (Object.hasOwn(prompts, name)) return prompts[name] as string;
  const can = Object.keys(prompts).join(', ') || 'none';
  throw invalid(
    promptField,
    `${manifest.name} has no prompt ${JSON.stringify(name.slice(0, 80))}; it has ${can}`,
    'OPTION_UNSUPPORTED',
  );
}

function dimensionsOf(asked: number | undefined, whole: number): number {
  return asked ? range('dimensions', asked, 1, whole) : whole;
}
