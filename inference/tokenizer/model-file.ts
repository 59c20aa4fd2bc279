// The `model` of a tokenizer file, of whichever kind.
import { TokenizerError } from './error.js';
import { createBpe, knowsAllBytes } from './models/bpe.js';
import { MergeTable, mergeListOf } from './models/merge-table.js';
import type { Model } from './models/model.js';
import { PieceMerges, PieceOrder } from './models/piece-merges.js';
import { createRecut } from './models/recut.js';
import { createRenumbered } from './models/renumbered.js';
import { createUnigram } from './models/unigram.js';
import { createWordLevel } from './models/word-level.js';
import { createWordPiece } from './models/word-piece.js';
import { endsInByteLevel } from './pre-tokenizer.js';
import { scoreAsRead } from './scores.js';
import { type MergeList, PieceTable, type TokenTable } from './token-table.js';
import { vocabularyOf } from './vocabulary.js';

export interface ModelFile {
  model: Model;
  /** The model reads bytes itself: the ByteLevel pre-tokenizer before it need not spell them. */
  rawBytes: boolean;
}

export function createModel(json: unknown, preTokenizer: unknown): ModelFile {
  const config = (json ?? {}) as Record<string, unknown>;
  switch (config.type ?? guessType(config)) {
    case 'WordPiece':
      return {
        rawBytes: false,
        model: createWordPiece(vocabularyOf(config.vocab as Record<string, number> | TokenTable), {
          unknownToken: String(config.unk_token ?? '[UNK]'),
          prefix: String(config.continuing_subword_prefix ?? '##'),
          charactersMax: Number(config.max_input_chars_per_word ?? 100),
        }),
      };
    case 'WordLevel':
      return {
        rawBytes: false,
        model: createWordLevel(
          vocabularyOf(config.vocab as Record<string, number> | TokenTable),
          String(config.unk_token ?? '<unk>'),
        ),
      };
    case 'Unigram':
      return { rawBytes: false, model: readUnigram(config) };
    case 'Renumbered':
      return {
        rawBytes: false,
        model: createRenumbered(
          createModel(config.model, preTokenizer).model,
          config.ids as Int32Array,
          vocabularyOf(config.vocab as TokenTable),
        ),
      };
    case 'Recut':
      return {
        rawBytes: false,
        model: createRecut(
          createModel(config.model, preTokenizer).model,
          config.ids as readonly number[],
          String(config.mark),
        ),
      };
    case 'BPE':
      return readBpe(config, preTokenizer);
    default:
      throw new TokenizerError(`the model ${String(config.type)} is not supported`);
  }
}

/** Files from before models were named. */
function guessType(config: Record<string, unknown>): string | undefined {
  if (config.merges !== undefined) return 'BPE';
  if (config.continuing_subword_prefix !== undefined) return 'WordPiece';
  if (Array.isArray(config.vocab) || config.vocab instanceof PieceTable) return 'Unigram';
  return config.unk_token === undefined ? undefined : 'WordLevel';
}

function readUnigram(config: Record<string, unknown>): Model {
  const { tokens, scores, worst } = config.vocab instanceof PieceTable ? config.vocab : pieceTable(config.vocab);
  return createUnigram(tokens, scores.subarray(0, tokens.count), {
    unknownId: typeof config.unk_id === 'number' ? config.unk_id : null,
    byteFallback: config.byte_fallback === true,
    hidden: config.hidden instanceof Uint8Array ? config.hidden : undefined,
    worst: typeof config.worst === 'number' ? config.worst : worst,
    singlePrecision: config.single_precision === true,
  });
}

function pieceTable(vocab: unknown): PieceTable {
  const pieces = new PieceTable();
  for (const [text, score] of vocab as [string, number][]) {
    pieces.tokens.add(text, pieces.tokens.count);
    pieces.addScore(scoreAsRead(score));
  }
  return pieces;
}

function readBpe(config: Record<string, unknown>, preTokenizer: unknown): ModelFile {
  if (typeof config.dropout === 'number' && config.dropout > 0) {
    throw new TokenizerError('the BPE model asks for dropout, which makes ids random, and is not supported');
  }
  const vocabulary = vocabularyOf(config.vocab as Record<string, number> | TokenTable);
  const continuingPrefix = String(config.continuing_subword_prefix ?? '');
  const endSuffix = String(config.end_of_word_suffix ?? '');
  const rawBytes =
    endsInByteLevel(preTokenizer) && continuingPrefix === '' && endSuffix === '' && knowsAllBytes(vocabulary);
  const merges =
    config.merges instanceof PieceOrder
      ? new PieceMerges(config.merges, vocabulary)
      : new MergeTable(
          mergeListOf((config.merges ?? []) as unknown[] | MergeList),
          vocabulary,
          continuingPrefix.length,
        );
  return {
    rawBytes,
    model: createBpe(vocabulary, merges, {
      unknownToken: typeof config.unk_token === 'string' ? config.unk_token : null,
      continuingPrefix,
      endSuffix,
      fuseUnknown: config.fuse_unk === true,
      byteFallback: config.byte_fallback === true,
      ignoreMerges: config.ignore_merges === true,
      rawBytes,
    }),
  };
}
