/**
 * Which files of a repository a pull takes: one precision of the ONNX graphs with their external data, the tokenizer and the
 * configuration, licence and card. Everything else stays away, above all what could run when loaded (pickles, scripts).
 */
import { MeshError } from '../../chassis/errors.js';
import { byCodeUnit } from '../folder.js';
import { isSafePath } from '../path.js';
import { tokenizerFiles } from '../tokenizer-files.js';
import { onlyGraph, type Precision, precisionsOf, weightFiles } from '../weights.js';

const WEIGHTS = /\.(?:safetensors|bin|pt|h5|onnx)$/;
/** The allow list besides graphs and their data. */
const TAKEN = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
  '1_SpladePooling/config.json',
  'README.md',
]);
const LICENCE = /^(?:LICEN[CS]E|NOTICE)(?:\.(?:txt|md))?$/i;

export interface Choice {
  paths: string[];
  precision: Precision;
}

/** True for files that may lie in a pulled or imported model at all: graphs, their data, vocabularies, and plain text. */
export function isAllowed(path: string): boolean {
  return isSafePath(path) && (isGraphOrData(path) || LICENCE.test(path) || /\.(?:json|txt|md|model|spm)$/i.test(path));
}

function isGraphOrData(path: string): boolean {
  return /\.onnx(?:_data(?:_\d+)?|\.data)?$/.test(path);
}

/** Chooses among `all`; `wanted` undefined: the precision a CPU prefers. `what` names the model in errors. */
export function chooseFiles(all: readonly string[], wanted: Precision | undefined, what: string): Choice {
  const weights = all.filter((path) => path.endsWith('.onnx') && isAllowed(path));
  const available = precisionsOf(weights);
  const precision = wanted ?? available[0] ?? 'none';
  const tokenizer = tokenizerFiles(all);
  const others = all.filter((path) => TAKEN.has(path) || LICENCE.test(path) || tokenizer.includes(path));
  const only = onlyGraph(weights);
  if (precision === 'none' && only !== undefined)
    return { paths: [only, ...dataOf(all, [only]), ...others].sort(byCodeUnit), precision: 'fp32' };
  if (precision === 'none') {
    // A bare tokenizer is a model too; a repository of other weights was meant to be more.
    if (tokenizer.length > 0 && !all.some((path) => WEIGHTS.test(path)))
      return { paths: others.sort(byCodeUnit), precision };
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${what} has no ONNX weights that Plexus knows${elsewhere(all)}; export it to ONNX first, or pull a repository that has`,
    );
  }
  if (!available.includes(precision)) {
    throw new MeshError(
      'PULL_NOT_FOUND',
      `${what} has no ${precision} weights; there is ${available.join(', ') || 'none'}`,
    );
  }
  const parts = weightFiles(weights, precision);
  // The merged decoder is both of the others in one file, and what inference takes where it is there.
  if (parts.has('encoder_model') && parts.has('decoder_model_merged')) {
    parts.delete('decoder_model');
    parts.delete('decoder_with_past_model');
  }
  const graphs = [...parts.values()];
  return { paths: [...graphs, ...dataOf(all, graphs), ...others].sort(byCodeUnit), precision };
}

/** What the graphs keep in files of their own. */
function dataOf(all: readonly string[], graphs: readonly string[]): string[] {
  return all.filter((path) =>
    graphs.some((graph) => path.startsWith(graph) && /^(?:_data(?:_\d+)?|\.data)$/.test(path.slice(graph.length))),
  );
}

function elsewhere(all: readonly string[]): string {
  const found = all.find((path) => WEIGHTS.test(path));
  return found ? ` (only ${found})` : '';
}
