/** EmbedRequest and SimilarityRequest to plain, complete options: first what the request alone says, then what the model can do. */
import { invalid, range, textLength, texts } from '../../chassis/check.js';
import type { Truncate } from '../../inference/index.js';
import type { Pooling } from '../../models/index.js';
import type { EmbedRequest__Output } from '../../protos/gen/plexus/v1/EmbedRequest.js';
import type { SimilarityRequest__Output } from '../../protos/gen/plexus/v1/SimilarityRequest.js';
import { checkTruncate, oneOf } from '../truncate.js';
import type { VectorFormat } from './format.js';
import type { EmbedModel, EmbedOptions } from './model.js';

export type Metric = 'cosine' | 'dot' | 'euclidean';

export interface EmbedAsked {
  texts: readonly string[];
  pooling: Pooling | undefined;
  normalize: boolean | undefined;
  promptName: string;
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
    }),
    normalize: request.normalize,
    promptName: request.promptName,
    dimensions: request.dimensions,
    truncate: checkTruncate(request.truncate),
    format: oneOf('format', request.format, {
      VECTOR_FORMAT_UNSPECIFIED: 'float',
      VECTOR_FORMAT_FLOAT: 'float',
      VECTOR_FORMAT_BASE64: 'base64',
      VECTOR_FORMAT_INT8: 'int8',
      VECTOR_FORMAT_BINARY: 'binary',
    }),
  };
}

export interface SimilarityAsked extends EmbedAsked {
  source: string;
  metric: Metric;
}

export function checkSimilarity(request: SimilarityRequest__Output): SimilarityAsked {
  return {
    source: textLength('source', request.source),
    texts: texts('texts', request.texts),
    metric: oneOf('metric', request.metric, {
      METRIC_UNSPECIFIED: 'cosine',
      METRIC_COSINE: 'cosine',
      METRIC_DOT: 'dot',
      METRIC_EUCLIDEAN: 'euclidean',
    }),
    pooling: undefined,
    normalize: undefined,
    promptName: request.promptName,
    dimensions: 0,
    truncate: checkTruncate(request.truncate),
    format: 'float',
  };
}

/** What the model makes of the request; OPTION_UNSUPPORTED and FIELD_INVALID list what it can do. */
export function resolveEmbed(asked: EmbedAsked, { manifest, poolings, dimensions }: EmbedModel): EmbedOptions {
  const { pooling, normalize, promptName } = asked;
  const own = manifest.embed;
  if (pooling !== undefined && !poolings.includes(pooling)) {
    const can = poolings.join(', ');
    throw invalid(
      'pooling',
      `${manifest.name} pools itself (${can}); it cannot pool by ${pooling}`,
      'OPTION_UNSUPPORTED',
    );
  }
  const prompts = own?.prompts ?? {};
  if (promptName !== '' && !Object.hasOwn(prompts, promptName)) {
    const can = Object.keys(prompts).join(', ') || 'none';
    throw invalid(
      'prompt_name',
      `${manifest.name} has no prompt ${JSON.stringify(promptName.slice(0, 80))}; it has ${can}`,
      'OPTION_UNSUPPORTED',
    );
  }
  if (asked.dimensions !== 0) range('dimensions', asked.dimensions, 1, dimensions);
  return {
    pooling: pooling ?? own?.pooling ?? (poolings[0] as Pooling),
    normalize: normalize ?? own?.normalize ?? true,
    prompt: promptName === '' ? '' : (prompts[promptName] as string),
    dimensions: asked.dimensions || dimensions,
    truncate: asked.truncate,
    field: (index) => `texts[${index}]`,
  };
}
