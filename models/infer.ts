/**
 * A manifest for a plain Hugging Face folder: task and architecture from config.json, pooling from 1_Pooling or the
 * sentence-transformers settings, labels from id2label, maximum tokens from the tokenizer's and model's configuration,
 * precision from the names of the ONNX files. Says MODEL_UNSUPPORTED, with the reason, rather than guess a task.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../chassis/errors.js';
import { embedFamily, sparseFamily } from './families.js';
import { describeFiles, digestOf, listFiles } from './folder.js';
import type { Manifest } from './manifest.js';
import { isPooling, type Pooling, poolingModes, readPooling } from './pooling.js';
import { checkManifest } from './schema.js';
import { tokenizerFiles } from './tokenizer-files.js';
import { onlyGraph, type Precision, precisionsOf, weightFiles } from './weights.js';

type Json = Readonly<Record<string, unknown>>;

const CONFIG_BYTES_MAX = 16 * 2 ** 20;
/** Where nothing names a limit: what BERT takes. */
const MAX_TOKENS_DEFAULT = 512;
/** A bare tokenizer has no limit of its own. */
const MAX_TOKENS_OF_TOKENIZER = 2 ** 20;
/** Position tables of these begin after the padding id, so two rows are not usable. */
const OFFSET_POSITIONS = new Set(['roberta', 'xlm-roberta', 'camembert', 'mpnet', 'longformer']);

export interface InferOptions {
  name: string;
  version: string;
  /** Where it came from; "local folder" where nothing is known. */
  source?: string;
  created?: string;
  /** Which of several precisions in the folder; default: the one a CPU prefers (int8 before fp32). */
  precision?: Precision;
  /** Only these files of the folder; default all. */
  paths?: readonly string[];
}

/** Reads the folder and hashes its files. The result has passed the same checks as a written manifest. */
export async function inferManifest(folder: string, options: InferOptions): Promise<Manifest> {
  const paths = options.paths ?? (await listFiles(folder));
  const has = (path: string): boolean => paths.includes(path);
  const json = (path: string): Promise<Json | undefined> =>
    has(path) ? readJson(folder, path) : Promise.resolve(undefined);
  const config = (await json('config.json')) ?? {};
  const tokenizerConfig = (await json('tokenizer_config.json')) ?? {};
  const precisions = precisionsOf(paths);
  // A graph of any other name is taken as it is; what its weights are, nobody but the runtime needs to know.
  const precision = options.precision ?? precisions[0] ?? (onlyGraph(paths) ? 'fp32' : 'none');
  const task = inferTask(options.name, config, {
    weights: precision !== 'none',
    whole: weightFiles(paths, precision).has('model') || onlyGraph(paths) !== undefined,
    tokenizer: tokenizerFiles(paths).length > 0,
    sentences: has('1_Pooling/config.json') || (has('modules.json') && !(await ranks(json))),
  });
  const files = await describeFiles(folder, paths);
  const tokenizer = files.find(({ path }) => path === 'tokenizer.json');
  const sentence = await json('sentence_bert_config.json');
  const manifest = {
    manifest: 1,
    name: options.name,
    version: options.version,
    task,
    architecture: precision === 'none' ? 'none' : (textOf(config, 'model_type') ?? 'unknown'),
    precision,
    files,
    digest: digestOf(files),
    ...(tokenizer && { tokenizerDigest: `sha256:${tokenizer.sha256}` }),
    maxTokens: inferMaxTokens(config, tokenizerConfig, sentence, task),
    ...(task === 'embed' && { embed: await inferEmbed(config, json, options.name) }),
    ...(task === 'classify' && { classify: inferClassify(config) }),
    ...(task === 'summarize' && { summarize: inferSummarize(config) }),
    ...(task === 'infer' && { infer: { batchable: config.batchable === true } }),
    licence: (await inferLicence(folder, paths)) ?? 'unknown',
    source: options.source ?? textOf(config, '_name_or_path') ?? 'local folder',
    ...(options.created && { created: options.created }),
  };
  return checkManifest(manifest, `${options.name}: inferred manifest`);
}

interface Parts {
  weights: boolean;
  /** The weights are one graph, not an encoder and a decoder. */
  whole: boolean;
  tokenizer: boolean;
  sentences: boolean;
}

function inferTask(name: string, config: Json, has: Parts): Manifest['task'] {
  if (!has.weights) {
    if (has.tokenizer) return 'tokenize';
    throw new MeshError('MODEL_UNSUPPORTED', 'the folder has neither ONNX weights of a known name nor a tokenizer');
  }
  if (has.whole && !has.tokenizer) return 'infer'; // nothing here could turn a text into what it reads
  const architectures = Array.isArray(config.architectures) ? config.architectures.map(String) : [];
  const architecture = architectures[0] ?? '';
  if (/For(?:ConditionalGeneration|CausalLM)$|LMHeadModel$|MTModel$/.test(architecture)) return 'summarize';
  if (has.sentences) return 'embed';
  if (/ForMaskedLM$/.test(architecture)) return sparseFamily(name) ? 'embed' : 'infer';
  if (/ForQuestionAnswering$/.test(architecture)) return 'infer';
  if (/For\w+$/.test(architecture) && config.id2label) return 'classify';
  if (/Model$|Embedding$/.test(architecture) || architecture === '') return 'embed';
  return 'infer';
}

function inferMaxTokens(
  config: Json,
  tokenizerConfig: Json,
  sentence: Json | undefined,
  task: Manifest['task'],
): number {
  const offset = OFFSET_POSITIONS.has(textOf(config, 'model_type') ?? '') ? 2 : 0;
  const positions = numberOf(config, 'max_position_embeddings') ?? numberOf(config, 'n_positions');
  const limits = [
    numberOf(sentence ?? {}, 'max_seq_length'),
    numberOf(tokenizerConfig, 'model_max_length'),
    positions === undefined ? undefined : positions - offset,
    // Some sentence models put only this beside their vocabulary.
    numberOf(config, 'max_seq_length'),
  ].filter((limit) => limit !== undefined && limit >= 1 && limit <= MAX_TOKENS_OF_TOKENIZER);
  if (limits.length > 0) return Math.floor(Math.min(...(limits as number[])));
  return task === 'tokenize' ? MAX_TOKENS_OF_TOKENIZER : MAX_TOKENS_DEFAULT;
}

async function inferEmbed(
  config: Json,
  json: (path: string) => Promise<Json | undefined>,
  name: string,
): Promise<NonNullable<Manifest['embed']>> {
  const modules = await json('modules.json');
  const types = Array.isArray(modules) ? modules.map((module) => String((module as Json).type)) : undefined;
  const dense = types?.find((type) => /Dense$/.test(type));
  if (dense)
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      'modules.json: the model has a Dense layer after pooling, which is not in its ONNX file',
    );
  const pooling = await json('1_Pooling/config.json');
  const sentence = await json('config_sentence_transformers.json');
  const family = embedFamily(name);
  const sparse = await inferSparse(config, modules, json, name);
  const prompts = recordOfText(sentence?.prompts);
  const defaultPrompt = sentence && textOf(sentence, 'default_prompt_name');
  const width = sparse
    ? numberOf(config, 'vocab_size')
    : (numberOf(pooling ?? {}, 'embedding_dimension') ??
      numberOf(pooling ?? {}, 'word_embedding_dimension') ??
      numberOf(config, 'hidden_size') ??
      numberOf(config, 'd_model') ??
      numberOf(config, 'dim'));
  if (width === undefined)
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      sparse
        ? 'config.json: vocab_size does not say how many weights a text has'
        : 'config.json: neither hidden_size, d_model nor dim says how long a vector is',
    );
  const own = (pooling && readPooling(pooling)) ?? poolingNamed(textOf(config, 'pooling')) ?? family.pooling;
  return {
    pooling: sparse ? 'max' : own, // a sparse rule says its own; nobody reads this one

    normalize: types ? types.some((type) => /Normalize$/.test(type)) : !sparse && config.normalize !== false,
    dimensions: sparse ? width : width * poolingModes(own).length,
    prompts: prompts && Object.keys(prompts).length > 0 ? prompts : family.prompts,
    ...(defaultPrompt && prompts?.[defaultPrompt] !== undefined && { defaultPrompt }),
    ...(pooling?.include_prompt === false && { poolPrompt: false }),
    ...(sparse && { sparse }),
  };
}

type Sparse = NonNullable<NonNullable<Manifest['embed']>['sparse']>;

/** Sparse vectors, by a SpladePooling module or by the model's family; undefined where it makes dense ones. */
async function inferSparse(
  config: Json,
  modules: Json | undefined,
  json: (path: string) => Promise<Json | undefined>,
  name: string,
): Promise<Sparse | undefined> {
  const listed = Array.isArray(modules) ? (modules as Json[]) : [];
  const module = listed.find(({ type }) => /SpladePooling$/.test(String(type)));
  if (module) {
    const rule = (await json(`${textOf(module, 'path') ?? '1_SpladePooling'}/config.json`)) ?? {};
    const pooling = textOf(rule, 'pooling_strategy') ?? 'max';
    const activation = textOf(rule, 'activation_function') ?? 'relu';
    if ((pooling === 'max' || pooling === 'sum') && (activation === 'relu' || activation === 'log1p_relu'))
      return { pooling, activation };
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `modules.json: its SpladePooling asks for ${pooling} of ${activation}; known are max and sum, relu and log1p_relu`,
    );
  }
  const masked = String([config.architectures].flat()[0] ?? '').endsWith('ForMaskedLM');
  return masked && listed.length === 0 ? sparseFamily(name) : undefined;
}

/** True where modules.json is that of a reranker, which sentence-transformers saves since its version 5. */
async function ranks(json: (path: string) => Promise<Json | undefined>): Promise<boolean> {
  const kind = textOf((await json('config_sentence_transformers.json')) ?? {}, 'model_type');
  return kind === 'CrossEncoder';
}

function poolingNamed(text: string | undefined): Pooling | undefined {
  return text !== undefined && isPooling(text) ? text : undefined;
}

function inferClassify(config: Json): NonNullable<Manifest['classify']> {
  const names = config.id2label;
  const labels: string[] = [];
  if (names && typeof names === 'object') {
    for (const [id, label] of Object.entries(names)) labels[Number(id)] = String(label);
  }
  if (
    labels.length === 0 ||
    labels.length > 100_000 ||
    labels.some((label) => label === undefined) ||
    Object.keys(labels).length !== labels.length
  ) {
    throw new MeshError('MODEL_UNSUPPORTED', 'config.json: id2label does not name every label from 0 on');
  }
  if (/ForTokenClassification$/.test(String([config.architectures].flat()[0])))
    return { labels, activation: 'softmax', multiLabel: false, level: 'token' };
  const multiLabel = config.problem_type === 'multi_label_classification';
  const own = multiLabel || labels.length === 1 ? 'sigmoid' : 'softmax';
  return { labels, activation: labels.length === 1 && givesLogits(config) ? 'none' : own, multiLabel };
}

/** Rerankers of sentence-transformers name what comes after their logit; without a name it is a sigmoid. */
function givesLogits(config: Json): boolean {
  const own = config.sentence_transformers as Json | undefined;
  const named = (own && textOf(own, 'activation_fn')) ?? textOf(config, 'sbert_ce_default_activation_function');
  return named?.endsWith('Identity') ?? false;
}

function inferSummarize(config: Json): NonNullable<Manifest['summarize']> {
  const specific = (config.task_specific_params as Json | undefined)?.summarization as Json | undefined;
  const prefix = (specific && textOf(specific, 'prefix')) ?? textOf(config, 'prefix');
  return { mode: 'abstractive', ...(prefix && { prefix }) };
}

/** "license:" of a model card's front matter, or the first words of a licence file. */
async function inferLicence(folder: string, paths: readonly string[]): Promise<string | undefined> {
  if (paths.includes('README.md')) {
    const card = (await readFile(join(folder, 'README.md'), 'utf8')).slice(0, 20_000);
    const stated = /^license:[ \t]*["']?([\w.+-]{2,100})/m.exec(/^---\n([\s\S]*?)\n---/.exec(card)?.[1] ?? '')?.[1];
    if (stated) return stated;
  }
  const file = paths.find((path) => /^LICEN[CS]E(?:\.|$)/i.test(path));
  return file && `see ${file}`;
}

async function readJson(folder: string, path: string): Promise<Json> {
  const { size } = await stat(join(folder, path));
  if (size > CONFIG_BYTES_MAX)
    throw new MeshError(
      'MANIFEST_INVALID',
      `${path}: has ${size} bytes, more than the ${CONFIG_BYTES_MAX} that are read`,
    );
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(folder, path), 'utf8'));
  } catch (error) {
    throw new MeshError('MANIFEST_INVALID', `${path}: is not JSON: ${(error as Error).message}`, {
      facts: { file: path },
    });
  }
  if (value === null || typeof value !== 'object')
    throw new MeshError('MANIFEST_INVALID', `${path}: is not an object`, { facts: { file: path } });
  return value as Json;
}

function textOf(json: Json, key: string): string | undefined {
  const value = json[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(json: Json, key: string): number | undefined {
  const value = json[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function recordOfText(value: unknown): Record<string, string> | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
