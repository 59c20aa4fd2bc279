/**
 * What a model folder says about generation: config.json and generation_config.json in transformers' words. Read once at load;
 * a value that cannot be is MODEL_UNSUPPORTED with the file and the field.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../chassis/errors.js';
import type { StoredModel } from '../../models/index.js';
import { type GenerationModel, type GenerationParameters, STOPS_MAX } from './parameters.js';

type Json = Readonly<Record<string, unknown>>;

/** transformers' name -> ours, for what generation_config.json may set. */
const NUMBERS = {
  max_length: 'maxLength',
  max_new_tokens: 'maxNewTokens',
  min_length: 'minLength',
  min_new_tokens: 'minNewTokens',
  num_beams: 'numBeams',
  num_return_sequences: 'numReturnSequences',
  length_penalty: 'lengthPenalty',
  no_repeat_ngram_size: 'noRepeatNgramSize',
  encoder_no_repeat_ngram_size: 'encoderNoRepeatNgramSize',
  repetition_penalty: 'repetitionPenalty',
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  typical_p: 'typicalP',
  forced_bos_token_id: 'forcedBosTokenId',
} as const satisfies Record<string, keyof GenerationParameters>;

/** What changes the output and is not done here, and the value with which it changes nothing: better refused than ignored. */
const UNKNOWN: Readonly<Record<string, unknown>> = {
  num_beam_groups: 1,
  diversity_penalty: 0,
  penalty_alpha: 0,
  dola_layers: null,
  guidance_scale: 1,
  sequence_bias: null,
  prompt_lookup_num_tokens: null,
  encoder_repetition_penalty: 1,
  exponential_decay_length_penalty: null,
  epsilon_cutoff: 0,
  eta_cutoff: 0,
  top_h: null,
  force_words_ids: null,
  constraints: null,
  watermarking_config: null,
  token_healing: false,
};

/** Reads both files; `vocabSize` 0 where config.json does not say (the session then does). */
export async function readGenerationModel(stored: StoredModel): Promise<GenerationModel> {
  const config = await readJson(stored, 'config.json');
  if (!config) throw unsupported(stored, 'it has no config.json');
  // Older folders keep generation parameters in config.json.
  const generation = (await readJson(stored, 'generation_config.json')) ?? config;
  const seq2seq = config.is_encoder_decoder === true;
  const eosTokenIds = idList(stored, 'eos_token_id', generation.eos_token_id ?? config.eos_token_id);
  const padTokenId = idList(stored, 'pad_token_id', generation.pad_token_id ?? config.pad_token_id)[0];
  const start = [
    generation.decoder_start_token_id,
    config.decoder_start_token_id,
    generation.bos_token_id,
    config.bos_token_id,
  ].find((value) => typeof value === 'number');
  if (seq2seq && start === undefined) throw unsupported(stored, 'no decoder_start_token_id is given');
  return {
    seq2seq,
    vocabSize: count(config.vocab_size) ?? 0,
    decoderStartTokenId: (start as number | undefined) ?? 0,
    eosTokenIds,
    padTokenId: padTokenId ?? eosTokenIds[0] ?? 0,
    // Relative positions (T5 and its kin) have no end, whatever n_positions says.
    positionsMax:
      config.relative_attention_num_buckets === undefined
        ? (count(config.max_position_embeddings) ?? count(config.n_positions))
        : undefined,
    defaults: readDefaults(stored, generation),
  };
}

function readDefaults(stored: StoredModel, generation: Json): GenerationParameters {
  const found: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(NUMBERS)) {
    const value = generation[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number') throw unsupported(stored, `generation_config.json: ${name} is not a number`);
    found[key] = value;
  }
  if (typeof generation.do_sample === 'boolean') found.doSample = generation.do_sample;
  const early = generation.early_stopping;
  if (typeof early === 'boolean' || early === 'never') found.earlyStopping = early;
  const forcedEos = idList(stored, 'forced_eos_token_id', generation.forced_eos_token_id);
  if (forcedEos.length > 0) found.forcedEosTokenId = forcedEos;
  for (const [name, key] of [
    ['suppress_tokens', 'suppressTokens'],
    ['begin_suppress_tokens', 'beginSuppressTokens'],
  ] as const) {
    const ids = idList(stored, name, generation[name]);
    if (ids.length > 0) found[key] = ids;
  }
  if (Array.isArray(generation.bad_words_ids)) {
    found.badWordsIds = generation.bad_words_ids.map((word) => idList(stored, 'bad_words_ids', word));
  }
  const renormalize = generation.renormalize_logits ?? undefined;
  if (renormalize !== undefined && typeof renormalize !== 'boolean') {
    throw unsupported(stored, 'generation_config.json: renormalize_logits is not true or false');
  }
  if (renormalize) found.renormalizeLogits = true;
  const stop = generation.stop_strings ?? undefined;
  if (stop !== undefined) {
    const strings = Array.isArray(stop) ? stop : [stop];
    if (strings.length > STOPS_MAX || !strings.every((each) => typeof each === 'string' && each !== '')) {
      throw unsupported(stored, `generation_config.json: stop_strings is not up to ${STOPS_MAX} strings`);
    }
    found.stop = strings;
  }
  for (const [name, neutral] of Object.entries(UNKNOWN)) {
    const value = generation[name] ?? null;
    if (value !== null && value !== neutral) {
      throw unsupported(stored, `generation_config.json: ${name} is not supported`);
    }
  }
  return found;
}

async function readJson({ folder, manifest }: StoredModel, file: string): Promise<Json | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, file), 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new MeshError('MODEL_UNSUPPORTED', `${manifest.name}@${manifest.version}: ${file} is not JSON`);
  }
}

function idList(stored: StoredModel, name: string, value: unknown): number[] {
  if (value === undefined || value === null) return [];
  const values = Array.isArray(value) ? value : [value];
  if (!values.every((each) => Number.isInteger(each) && each >= 0)) {
    throw unsupported(stored, `${name} is not a token id or a list of them`);
  }
  return values as number[];
}

function count(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

function unsupported({ manifest }: StoredModel, reason: string): MeshError {
  return new MeshError('MODEL_UNSUPPORTED', `${manifest.name}@${manifest.version} cannot generate: ${reason}`);
}
