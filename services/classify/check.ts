/** The requests of Classify to plain, complete options: first what the request alone says, then what the model can do. */
import { invalid, items, range, required, textLength, texts } from '../../chassis/check.js';
import { fieldError } from '../../chassis/errors.js';
import type { TextInput, Truncate } from '../../inference/index.js';
import type { ClassifyPairsRequest__Output } from '../../protos/gen/plexus/v1/ClassifyPairsRequest.js';
import type { ClassifyRequest__Output } from '../../protos/gen/plexus/v1/ClassifyRequest.js';
import type { ZeroShotRequest__Output } from '../../protos/gen/plexus/v1/ZeroShotRequest.js';
import { checkTruncate } from '../truncate.js';
import type { LabelOptions } from './labels.js';
import type { ClassifyModel, ClassifyOptions } from './model.js';

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

export interface ZeroShotAsked extends LabelOptions {
  texts: readonly string[];
  labels: readonly string[];
  /** Each label as a sentence, then the sentence about nothing. */
  hypotheses: readonly string[];
  multiLabel: boolean;
  rawScores: boolean;
  truncate: Truncate;
}

const LABELS_MAX = 256;
/** UTF-16 code units of a label, and of a template. */
const LABEL_MAX = 1_000;
const TEMPLATE = 'This text is about {}.';

export function checkZeroShot(request: ZeroShotRequest__Output): ZeroShotAsked {
  const labels = items('labels', request.labels, LABELS_MAX);
  const seen = new Map<string, number>();
  for (const [index, label] of labels.entries()) {
    required(`labels[${index}]`, textLength(`labels[${index}]`, label, LABEL_MAX));
    const first = seen.get(label);
    if (first !== undefined) throw invalid(`labels[${index}]`, `is the same as labels[${first}]; labels must differ`);
    seen.set(label, index);
  }
  const template = textLength('hypothesis_template', request.hypothesisTemplate || TEMPLATE, LABEL_MAX);
  if (!template.includes('{}')) {
    throw invalid('hypothesis_template', 'must have "{}" where the label stands: "This text is about {}."');
  }
  return {
    texts: texts('texts', request.texts),
    labels,
    hypotheses: [...labels, ''].map((label) => template.replaceAll('{}', () => label)),
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

/** What the model makes of the request; OPTION_UNSUPPORTED where it cannot. */
export function resolveClassify(asked: ClassifyAsked, model: ClassifyModel): ClassifyOptions {
  const { manifest, readsPairs } = model;
  if (!readsPairs && asked.inputs.some(({ pair }) => pair !== undefined)) {
    throw fieldError('OPTION_UNSUPPORTED', 'pairs', `${manifest.name} reads one text at a time; use Classify`);
  }
  const own = manifest.classify;
  const independent = asked.multiLabel ?? own?.multiLabel ?? false;
  const trained = own?.activation ?? 'softmax';
  return {
    activation: asked.rawScores
      ? 'none'
      : asked.multiLabel === undefined
        ? trained
        : independent
          ? 'sigmoid'
          : 'softmax',
    truncate: asked.truncate,
    field: asked.field,
  };
}
