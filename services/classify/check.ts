/** The requests of Classify to plain, complete options: first what the request alone says, then what the model can do. */
import { invalid, items, range, required, textLength, texts } from '../../chassis/check.js';
import { fieldError } from '../../chassis/errors.js';
import type { TextInput, Truncate } from '../../inference/index.js';
import type { ClassifyPairsRequest__Output } from '../../protos/gen/plexus/v1/ClassifyPairsRequest.js';
import type { ClassifyRequest__Output } from '../../protos/gen/plexus/v1/ClassifyRequest.js';
import type { ClassifyTokensRequest__Output } from '../../protos/gen/plexus/v1/ClassifyTokensRequest.js';
import type { RerankRequest__Output } from '../../protos/gen/plexus/v1/RerankRequest.js';
import type { ZeroShotRequest__Output } from '../../protos/gen/plexus/v1/ZeroShotRequest.js';
import { checkTruncate, oneOf } from '../truncate.js';
import type { Aggregation } from './entities.js';
import type { LabelOptions } from './labels.js';
import type { ClassifyModel, ClassifyOptions } from './model.js';
import { entailmentOf, type NliOptions } from './nli.js';

export interface ClassifyAsked extends LabelOptions {
  inputs: readonly TextInput[];
  field: (index: number) => string;
  multiLabel: boolean | undefined;
  rawScores: boolean;
  truncate: Truncate;
}

export function checkClassify(request: ClassifyRequest__Output): ClassifyAsked {
  return {
    inputs: texts('texts', request.texts).map((text) => ({ text })),
    field: (index) => `texts[${index}]`,
    ...checkLabels(request),
    multiLabel: request.multiLabel,
    truncate: checkTruncate(request.truncate),
  };
}

export function checkClassifyPairs(request: ClassifyPairsRequest__Output): ClassifyAsked {
  items('pairs', request.pairs);
  for (const [index, { text, pair }] of request.pairs.entries()) {
    textLength(`pairs[${index}].text`, text);
    textLength(`pairs[${index}].pair`, pair);
  }
  return {
    inputs: request.pairs,
    field: (index) => `pairs[${index}]`,
    ...checkLabels(request),
    multiLabel: request.multiLabel,
    truncate: checkTruncate(request.truncate),
  };
}

export interface RerankAsked {
  /** Each text beside the query. */
  inputs: readonly { text: string; pair: string }[];
  field: (index: number) => string;
  /** 0: all. */
  topK: number;
  rawScores: boolean;
  returnTexts: boolean;
  truncate: Truncate;
}

export function checkRerank(request: RerankRequest__Output): RerankAsked {
  const query = required('query', textLength('query', request.query));
  return {
    inputs: texts('texts', request.texts).map((pair) => ({ text: query, pair })),
    field: (index) => `texts[${index}]`,
    topK: request.topK,
    rawScores: request.rawScores,
    returnTexts: request.returnTexts,
    truncate: checkTruncate(request.truncate),
  };
}

export interface ClassifyTokensAsked {
  texts: readonly string[];
  aggregation: Aggregation;
  ignore: ReadonlySet<string>;
  stride: number | undefined;
  truncate: Truncate;
}

export function checkClassifyTokens(request: ClassifyTokensRequest__Output): ClassifyTokensAsked {
  const { ignoreLabels, stride } = request;
  const aggregation = oneOf<typeof request.aggregation, Aggregation>('aggregation', request.aggregation, {
    AGGREGATION_UNSPECIFIED: 'simple',
    AGGREGATION_NONE: 'none',
    AGGREGATION_SIMPLE: 'simple',
    AGGREGATION_FIRST: 'first',
    AGGREGATION_AVERAGE: 'average',
    AGGREGATION_MAX: 'max',
  });
  if (stride !== undefined && aggregation === 'none') {
    throw invalid(
      'stride',
      'joins entities of overlapping pieces, which AGGREGATION_NONE does not make; ask for another',
    );
  }
  if (ignoreLabels.length > LABELS_MAX) items('ignore_labels', ignoreLabels, LABELS_MAX);
  for (const [index, label] of ignoreLabels.entries()) textLength(`ignore_labels[${index}]`, label, LABEL_MAX);
  return {
    texts: texts('texts', request.texts),
    aggregation,
    ignore: new Set(ignoreLabels.length === 0 ? ['O'] : ignoreLabels),
    stride,
    truncate: checkTruncate(request.truncate),
  };
}

export interface ZeroShotAsked extends LabelOptions {
  texts: readonly string[];
  labels: readonly string[];
  /** How a label becomes a sentence; undefined: as the kind of model that answers has it. */
  template: string | undefined;
  multiLabel: boolean;
  rawScores: boolean;
  truncate: Truncate;
}

const LABELS_MAX = 256;
/** UTF-16 code units of a label, and of a template. */
const LABEL_MAX = 1_000;
const TEMPLATES = { embedder: 'This text is about {}.', classifier: 'This example is {}.' } as const;
/** Texts times labels for a model of language inference, which reads every pair. */
const PAIRS_MAX = 4_096;

export function checkZeroShot(request: ZeroShotRequest__Output): ZeroShotAsked {
  const labels = items('labels', request.labels, LABELS_MAX);
  const seen = new Map<string, number>();
  for (const [index, label] of labels.entries()) {
    required(`labels[${index}]`, textLength(`labels[${index}]`, label, LABEL_MAX));
    const first = seen.get(label);
    if (first !== undefined) throw invalid(`labels[${index}]`, `is the same as labels[${first}]; labels must differ`);
    seen.set(label, index);
  }
  const template = textLength('hypothesis_template', request.hypothesisTemplate, LABEL_MAX) || undefined;
  if (template !== undefined && !template.includes('{}')) {
    throw invalid('hypothesis_template', 'must have "{}" where the label stands: "This text is about {}."');
  }
  return {
    texts: texts('texts', request.texts),
    labels,
    template,
    ...checkLabels(request),
    multiLabel: request.multiLabel,
    truncate: checkTruncate(request.truncate),
  };
}

/** A threshold is a probability, unless scores are raw. */
function checkLabels(request: { topK: number; threshold?: number; rawScores: boolean }): LabelOptions & {
  rawScores: boolean;
} {
  const { topK, threshold, rawScores } = request;
  if (threshold !== undefined) {
    if (!rawScores) range('threshold', threshold, 0, 1);
    else if (!Number.isFinite(threshold)) throw invalid('threshold', `must be a finite number, is ${threshold}`);
  }
  return { topK, threshold: threshold ?? Number.NEGATIVE_INFINITY, rawScores };
}

/** Each label as a sentence; for an embedder the sentence about nothing comes last. */
export function hypothesesOf({ labels, template }: ZeroShotAsked, kind: keyof typeof TEMPLATES): string[] {
  const used = template ?? TEMPLATES[kind];
  return (kind === 'embedder' ? [...labels, ''] : labels).map((label) => used.replaceAll('{}', () => label));
}

/** What the model makes of the request; OPTION_UNSUPPORTED where it cannot. */
export function resolveClassify(asked: ClassifyAsked, model: ClassifyModel): ClassifyOptions {
  const { manifest, readsPairs } = model;
  if (!readsPairs && asked.inputs.some(({ pair }) => pair !== undefined)) {
    throw fieldError('OPTION_UNSUPPORTED', 'pairs', `${manifest.name} reads one text at a time; use Classify`);
  }
  const trained = manifest.classify?.activation ?? 'softmax';
  const chosen = asked.multiLabel === undefined ? trained : asked.multiLabel ? 'sigmoid' : 'softmax';
  return {
    activation: asked.rawScores ? 'none' : chosen,
    calibrated: chosen === trained,
    truncate: asked.truncate,
    field: asked.field,
  };
}

/** OPTION_UNSUPPORTED where the model gives more than one score, or cannot read a query beside a text. */
export function resolveRerank(asked: RerankAsked, model: ClassifyModel): ClassifyOptions {
  const { manifest, readsPairs, labels } = model;
  if (labels.length !== 1 || !readsPairs) {
    const why = readsPairs ? `has ${labels.length} labels` : 'reads one text at a time';
    const text = `${manifest.name} ${why}; name a reranker, a model of one label that reads pairs`;
    throw fieldError('OPTION_UNSUPPORTED', 'model', text, { model: manifest.name });
  }
  const activation = asked.rawScores ? 'none' : (manifest.classify?.activation ?? 'sigmoid');
  return { activation, calibrated: true, truncate: asked.truncate, field: asked.field };
}

/** OPTION_UNSUPPORTED where the model does not judge pairs; limits are in pairs, because every one is read. */
export async function resolveNli(asked: ZeroShotAsked, model: ClassifyModel, signal: AbortSignal): Promise<NliOptions> {
  const { manifest, labels, readsPairs, pairTokensMax } = model;
  if (entailmentOf(labels) === undefined || labels.length < 2 || !readsPairs) {
    const text = `${manifest.name} has labels of its own and none for entailment; use Classify, or name an embedder or a model of language inference`;
    throw fieldError('MODEL_WRONG_TASK', 'model', text, { model: manifest.name });
  }
  const pairs = asked.texts.length * asked.labels.length;
  if (pairs > PAIRS_MAX) {
    const text = `and texts make ${pairs} pairs; ${manifest.name} reads at most ${PAIRS_MAX} in one request: send fewer of either`;
    throw fieldError('TOO_MANY_ITEMS', 'labels', text, { limit: String(PAIRS_MAX) });
  }
  const hypotheses = hypothesesOf(asked, 'classifier');
  const counts = await model.countTokens(hypotheses, signal);
  const long = counts.findIndex((count) => count >= pairTokensMax);
  if (long >= 0) {
    const text = `is a sentence of ${counts[long]} tokens; ${manifest.name} takes ${pairTokensMax} for it and a text together`;
    throw fieldError('TEXT_TOO_LONG', `labels[${long}]`, text, { limit: String(pairTokensMax) });
  }
  return { ...asked, hypotheses };
}
