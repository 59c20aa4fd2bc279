/** Tagged pieces of a text to its entities, with places in UTF-16 and UTF-8. */
import { type PackedEncoding, utf8Offsets } from '../../inference/index.js';
import type { Entity } from '../../protos/gen/plexus/v1/Entity.js';
import { tokenTexts } from '../token-texts.js';
import { type Aggregation, entitiesOf, type FoundEntity, type TokenShares, withoutOverlaps } from './entities.js';
import { softmax } from './labels.js';
import type { TaggedPiece, TagModel } from './model.js';

export interface TokenOptions {
  aggregation: Aggregation;
  ignore: ReadonlySet<string>;
}

/** Entities piece by piece, the work of each done when it is asked for. */
export function* entityPieces(
  text: string,
  pieces: readonly TaggedPiece[],
  { labels, tokenizer }: TagModel,
  options: TokenOptions,
): Generator<FoundEntity[]> {
  const join = (tokens: readonly string[]): string => tokenizer.joinTokens(tokens);
  for (const { encoding, logits } of pieces) {
    const tokens = sharesOf(text, encoding, logits, labels.length, tokenizer);
    yield entitiesOf(tokens, { ...options, labels, join });
  }
}

/** The entities of all pieces, as the answer has them. */
export function joinPieces(text: string, pieces: readonly FoundEntity[][]): Entity[] {
  const found = pieces.length > 1 ? withoutOverlaps(pieces.flat()) : pieces.flat();
  const bytes = utf8Offsets(text, Uint32Array.from(found.flatMap(({ start, end }) => [start, end])));
  return found.map(({ label, score, word, start, end, index }, place) => ({
    label,
    score,
    text: text.slice(start, end),
    word,
    utf16Start: start,
    utf16End: end,
    byteStart: bytes[place * 2] as number,
    byteEnd: bytes[place * 2 + 1] as number,
    ...(index !== undefined && { token: index }),
  }));
}

function sharesOf(
  text: string,
  encoding: PackedEncoding,
  logits: Float32Array,
  width: number,
  { subwordPrefix, unknownId }: Pick<TagModel['tokenizer'], 'subwordPrefix' | 'unknownId'>,
): TokenShares[] {
  const tokens = tokenTexts(encoding);
  const found: TokenShares[] = [];
  for (const [index, token] of tokens.entries()) {
    if (encoding.specialTokensMask[index] === 1) continue;
    const start = encoding.utf16Start[index] as number;
    const end = encoding.utf16End[index] as number;
    const spelt = text.slice(start, end);
    const unknown = encoding.ids[index] === unknownId;
    found.push({
      word: unknown ? spelt : token,
      shares: softmax(logits.subarray(index * width, (index + 1) * width)),
      start,
      end,
      index,
      isSubword: !unknown && goesOn(text, start, token, spelt, subwordPrefix),
    });
  }
  return found;
}

/**
 * The pipeline's two rules: a token that is longer (or shorter) than what it stands for is part of a word where the tokenizer
 * marks such tokens; elsewhere one without a space on either side of its beginning.
 */
function goesOn(text: string, start: number, token: string, spelt: string, subwordPrefix: string): boolean {
  if (subwordPrefix !== '') return [...token].length !== [...spelt].length;
  return start > 0 && text[start - 1] !== ' ' && text[start] !== ' ';
}
