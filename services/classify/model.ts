/**
 * What a classify service holds in memory: classifiers (texts to scores of the model's own labels), taggers (tokens to scores of
 * theirs) and, for zero-shot, embedders. Transport-free. `kind` tells them apart.
 */
import type { Clock } from '../../chassis/clock.js';
import { fieldError, MeshError } from '../../chassis/errors.js';
import {
  type EncoderModel,
  type InferenceSettings,
  openEncoder,
  type PackedEncoding,
  type Running,
  type RunOptions,
  type TextInput,
  type Tokenizer,
  type Truncate,
} from '../../inference/index.js';
import type { StoredModel } from '../../models/index.js';
import { slowest, type WorkTimings } from '../answer.js';
import { type EmbedModel, openEmbedder } from '../embed/model.js';
import { inTurns } from '../in-turns.js';
import { type Activation, activate, calibrate } from './calibration.js';

/** Pieces of the texts of one request that are read with overlap. */
const PIECES_MAX = 4_096;

export interface ClassifyOptions {
  activation: Activation;
  /** Scores as the model's calibration makes them, where it has one that belongs to the activation. */
  calibrated: boolean;
  truncate: Truncate;
  /** Of a pair that is too long only the first text is cut. Default: whichever is longer. */
  cutFirstOnly?: boolean;
  /** Names a text in errors: 3 -> "texts[3]". */
  field: (index: number) => string;
}

export interface Classified {
  /** One row a text, one number a label. */
  scores: ArrayLike<number>[];
  /** Of each text, after truncation. */
  tokens: number[];
  truncated: boolean[];
  inputTokens: number;
  timings: WorkTimings;
}

export interface ClassifyModel extends Running {
  readonly kind: 'classifier';
  readonly labels: readonly string[];
  /** True where it can read two texts at once. */
  readonly readsPairs: boolean;
  /** Tokens of texts, without special ones; for what must fit beside another text. */
  countTokens(texts: readonly string[], signal: AbortSignal): Promise<number[]>;
  /** Tokens two texts may have together. */
  readonly pairTokensMax: number;
  classify(inputs: readonly TextInput[], options: ClassifyOptions, run: RunOptions): Promise<Classified>;
}

export interface TagOptions {
  truncate: Truncate;
  /** Given: long texts are read in pieces that overlap by so many tokens. */
  stride: number | undefined;
  field: (index: number) => string;
}

/** A piece of a text as it was read, with the logits of its tokens, one row a token. */
export interface TaggedPiece {
  encoding: PackedEncoding;
  logits: Float32Array;
}

export interface Tagged {
  /** Pieces of each text, in order; one where it was not longer than the model takes. */
  pieces: TaggedPiece[][];
  /** Of each text, all its pieces. */
  tokens: number[];
  truncated: boolean[];
  inputTokens: number;
  timings: WorkTimings;
}

export interface TagModel extends Running {
  readonly kind: 'tagger';
  readonly labels: readonly string[];
  readonly tokenizer: Tokenizer;
  /** FIELD_INVALID names `stride` where pieces of this model cannot overlap so far. */
  tag(texts: readonly string[], options: TagOptions, run: RunOptions): Promise<Tagged>;
}

/** Whatever this service can hold. */
export type HeldModel = ClassifyModel | TagModel | ZeroShotModel;

/** An embedder among classifiers. */
export interface ZeroShotModel extends EmbedModel {
  readonly kind: 'embedder';
}

export async function openModel(model: StoredModel, settings: InferenceSettings, clock: Clock): Promise<HeldModel> {
  if (model.manifest.task === 'embed') return { ...(await openEmbedder(model, settings, clock)), kind: 'embedder' };
  const encoder = await openEncoder(model, settings, { clock });
  const { name, version, classify } = model.manifest;
  const labels = classify?.labels ?? [];
  if (labels.length !== encoder.shape.width) {
    await encoder.close();
    throw new MeshError(
      'MODEL_UNSUPPORTED',
      `${name}@${version} cannot be run: its manifest has ${labels.length} labels, its graph ${encoder.shape.width}`,
    );
  }
  return classify?.level === 'token'
    ? createTagModel(encoder, labels, clock)
    : createClassifyModel(encoder, labels, clock);
}

function createClassifyModel(encoder: EncoderModel, labels: readonly string[], clock: Clock): ClassifyModel {
  const { manifest, shape, texts: reader, tokenizer } = encoder;
  const { calibration } = manifest.classify ?? {};
  /** Scores of one text a step: some hundred labels of a thousand texts take a while. */
  function* scoreEach(
    rows: readonly { output: Float32Array }[],
    { activation, calibrated }: Pick<ClassifyOptions, 'activation' | 'calibrated'>,
  ): Generator<ArrayLike<number>> {
    for (const { output } of rows)
      yield calibration && calibrated && activation !== 'none'
        ? calibrate(output, activation, calibration)
        : activate(output, activation);
  }
  return {
    kind: 'classifier',
    manifest,
    labels,
    // Token types or separators: without either, two texts would be read as one.
    readsPairs: shape.typed || tokenizer.specialTokenCount(true) > tokenizer.specialTokenCount(false),
    countTokens: (texts, signal) => reader.count(texts, false, signal),
    pairTokensMax: manifest.maxTokens - tokenizer.specialTokenCount(true),
    async classify(inputs, { activation, calibrated, truncate, cutFirstOnly = false, field }, run) {
      const startedMs = clock.monotonic();
      const fit = { tokensMax: manifest.maxTokens, truncate, cutFirstOnly, field, signal: run.signal };
      const fitted = await reader.fit(inputs, fit);
      const tokenizeMs = clock.monotonic() - startedMs;
      const outputs = await encoder.runAll(fitted, { kind: 'logits' }, run);
      const tokens = fitted.map(({ ids }) => ids.length);
      return {
        scores: await inTurns(scoreEach(outputs, { activation, calibrated }), clock, run.signal),
        tokens,
        truncated: fitted.map((each) => each.truncated),
        inputTokens: tokens.reduce((sum, count) => sum + count, 0),
        timings: slowest(tokenizeMs, outputs),
      };
    },
    warmUp: (signal) => encoder.warmUp(signal),
    stats: () => encoder.stats(),
    close: () => encoder.close(),
  };
}

function createTagModel(encoder: EncoderModel, labels: readonly string[], clock: Clock): TagModel {
  const { manifest, texts: reader, tokenizer } = encoder;
  return {
    kind: 'tagger',
    manifest,
    labels,
    tokenizer,
    async tag(texts, { truncate, stride, field }, run) {
      const startedMs = clock.monotonic();
      const room = manifest.maxTokens - tokenizer.specialTokenCount();
      if (stride !== undefined && stride >= room) {
        const text = `must be below ${room}, the tokens of a piece for ${manifest.name}; is ${stride}`;
        throw fieldError('FIELD_INVALID', 'stride', text);
      }
      const reading = { tokensMax: manifest.maxTokens, truncate, field, signal: run.signal };
      const placed = await reader.place(
        texts.map((text) => ({ text })),
        stride === undefined ? reading : { ...reading, stride },
      );
      const pieces = placed.map(({ encoding }) =>
        stride === undefined ? [encoding] : [encoding, ...encoding.overflowing],
      );
      const all = pieces.flat();
      if (all.length > PIECES_MAX) {
        const text = `are ${all.length} pieces of ${manifest.maxTokens} tokens; at most ${PIECES_MAX} in one request: send fewer or shorter texts`;
        throw fieldError('TOO_MANY_ITEMS', 'texts', text, { limit: String(PIECES_MAX) });
      }
      const tokenizeMs = clock.monotonic() - startedMs;
      const outputs = await encoder.runAll(all, { kind: 'tokens' }, run);
      const tokens = pieces.map((own) => own.reduce((sum, { ids }) => sum + ids.length, 0));
      let at = 0;
      return {
        pieces: pieces.map((own) =>
          own.map((encoding) => ({ encoding, logits: (outputs[at++] as (typeof outputs)[number]).output })),
        ),
        tokens,
        truncated: placed.map(({ truncated }) => truncated),
        inputTokens: tokens.reduce((sum, count) => sum + count, 0),
        timings: slowest(tokenizeMs, outputs),
      };
    },
    warmUp: (signal) => encoder.warmUp(signal),
    stats: () => encoder.stats(),
    close: () => encoder.close(),
  };
}
