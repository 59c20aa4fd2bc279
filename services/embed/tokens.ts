/** Tokens of a prompt and a text, as the model read them, to an answer that points into the text alone; weights of a vocabulary to theirs. */
import type { PackedEncoding } from '../../inference/index.js';
import { tokenTexts } from '../token-texts.js';
import { sparseEmbeddingPieces, type TokenColumns, tokenEmbeddingPieces } from './codec.js';
import { formatVectors, type VectorFormat } from './format.js';

export interface TokenColumnsOptions {
  encoding: PackedEncoding;
  /** A vector a token, one after the other. */
  vectors: Float32Array;
  dimensions: number;
  /** What stood before the text. */
  prompt: string;
  format: VectorFormat;
  skipSpecialTokens: boolean;
}

/** The TokenEmbeddings of one text in pieces; all of the work is done in the steps. */
export function* tokenPieces(options: TokenColumnsOptions, truncated: boolean): Generator<Buffer> {
  yield* tokenEmbeddingPieces({ ...tokenColumns(options), truncated });
}

/** The SparseEmbedding of one text in pieces, likewise. `tokenOf`: given where the vocabulary's strings are wanted. */
export function* sparsePieces(
  pairs: Float32Array,
  tokenOf: ((id: number) => string) | undefined,
  tokens: number,
  truncated: boolean,
): Generator<Buffer> {
  const vocabulary: string[] = [];
  if (tokenOf) for (let at = 0; at < pairs.length; at += 2) vocabulary.push(tokenOf(pairs[at] as number));
  yield* sparseEmbeddingPieces(pairs, vocabulary, tokens, truncated);
}

function tokenColumns(options: TokenColumnsOptions): Omit<TokenColumns, 'truncated'> {
  const { encoding, dimensions, prompt, skipSpecialTokens } = options;
  const all = encoding.ids.length;
  const kept = skipSpecialTokens
    ? Array.from({ length: all }, (_, token) => token).filter((token) => encoding.specialTokensMask[token] === 0)
    : undefined;
  const pick = <T extends Int32Array | Uint32Array>(column: T): T =>
    kept ? (Uint32Array.from(kept, (token) => column[token] as number) as T) : column;
  const bytes = Buffer.byteLength(prompt);
  const inText = (column: Uint32Array, before: number): Uint32Array =>
    before === 0 ? pick(column) : pick(column.map((place) => Math.max(0, place - before)));

  let vectors = options.vectors;
  if (kept) {
    vectors = new Float32Array(kept.length * dimensions);
    for (const [row, token] of kept.entries())
      vectors.set(options.vectors.subarray(token * dimensions, (token + 1) * dimensions), row * dimensions);
  }
  const tokens = tokenTexts(encoding);
  return {
    ids: pick(encoding.ids),
    tokens: kept ? kept.map((token) => tokens[token] as string) : tokens,
    utf16Start: inText(encoding.utf16Start, prompt.length),
    utf16End: inText(encoding.utf16End, prompt.length),
    byteStart: inText(encoding.byteStart, bytes),
    byteEnd: inText(encoding.byteEnd, bytes),
    vectors: formatVectors(vectors, dimensions, options.format),
  };
}
