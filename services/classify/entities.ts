/**
 * Scores of tokens to entities, step by step as the TokenClassificationPipeline of Python transformers has it, so that its users
 * find the same labels, places and scores here: tokens to words, words to groups, groups of overlapping pieces to one list.
 * What that pipeline does not know it does not do here either: only "B-" and "I-" are prefixes (the S- and E- of BIOES are
 * labels of their own), and in IOB1 an "I-" after another label begins an entity.
 */

export type Aggregation = 'none' | 'simple' | 'first' | 'average' | 'max';

/** A token that is not special, with a share for each label. */
export interface TokenShares {
  word: string;
  shares: Float64Array;
  /** UTF-16 code units of the text. */
  start: number;
  end: number;
  /** Place among all tokens of its piece, special ones included. */
  index: number;
  /** Goes on with the word of the token before. */
  isSubword: boolean;
}

export interface FoundEntity {
  label: string;
  score: number;
  /** As the tokenizer puts its tokens together; the text from start to end is the exact spelling. */
  word: string;
  start: number;
  end: number;
  /** Without aggregation: place of the token. */
  index?: number;
}

export interface EntityOptions {
  aggregation: Aggregation;
  /** Entities of these labels are left out. */
  ignore: ReadonlySet<string>;
  labels: readonly string[];
  /** Tokens (or words) to one word. */
  join: (tokens: readonly string[]) => string;
}

/** Entities of one piece of a text, in order. */
export function entitiesOf(tokens: readonly TokenShares[], options: EntityOptions): FoundEntity[] {
  const { aggregation, labels, ignore } = options;
  const single = (token: TokenShares): FoundEntity => {
    const best = highest(token.shares);
    const { word, start, end, index } = token;
    return { label: labels[best] as string, score: token.shares[best] as number, word, start, end, index };
  };
  if (aggregation === 'none') return tokens.map(single).filter(({ label }) => !ignore.has(label));
  const words = aggregation === 'simple' ? tokens.map(single) : wordsOf(tokens, aggregation, options);
  return groupsOf(words, options).filter(({ label }) => !ignore.has(label));
}

/** Entities of all pieces of a text as one list: of those that overlap the longer stays, of equally long ones the surer. */
export function withoutOverlaps(entities: readonly FoundEntity[]): FoundEntity[] {
  const kept: FoundEntity[] = [];
  let last: FoundEntity | undefined;
  for (const entity of [...entities].sort((a, b) => a.start - b.start)) {
    if (last && last.start <= entity.start && entity.start < last.end) {
      const longer = entity.end - entity.start - (last.end - last.start);
      if (longer > 0 || (longer === 0 && entity.score > last.score)) last = entity;
    } else {
      if (last) kept.push(last);
      last = entity;
    }
  }
  if (last) kept.push(last);
  return kept;
}

/** Tokens of a word agree on one label: that of the first, of the surest, or of the average. */
function wordsOf(
  tokens: readonly TokenShares[],
  aggregation: 'first' | 'average' | 'max',
  { labels, join }: EntityOptions,
): FoundEntity[] {
  const words: TokenShares[][] = [];
  for (const token of tokens) {
    const word = words.at(-1);
    if (word && token.isSubword) word.push(token);
    else words.push([token]);
  }
  return words.map((word) => {
    const first = word[0] as TokenShares;
    const shares =
      aggregation === 'first'
        ? first.shares
        : aggregation === 'max'
          ? word.reduce((most, each) => (Math.max(...each.shares) > Math.max(...most.shares) ? each : most), first)
              .shares
          : first.shares.map((_, at) => mean(word.map((each) => each.shares[at] as number)));
    const best = highest(shares);
    return {
      label: labels[best] as string,
      score: shares[best] as number,
      word: join(word.map((each) => each.word)),
      start: first.start,
      end: (word.at(-1) as TokenShares).end,
    };
  });
}

/** Neighbours of one label are one entity; a "B-" begins another. */
function groupsOf(words: readonly FoundEntity[], { join }: EntityOptions): FoundEntity[] {
  const groups: FoundEntity[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    if (group && before && tagOf(before.label) === tagOf(word.label) && !word.label.startsWith('B-')) group.push(word);
    else groups.push([word]);
  }
  return groups.map((group) => {
    const first = group[0] as FoundEntity;
    const { label } = first;
    return {
      label: label.slice(label.indexOf('-') + 1),
      score: mean(group.map(({ score }) => score)),
      word: join(group.map(({ word }) => word)),
      start: first.start,
      end: (group.at(-1) as FoundEntity).end,
    };
  });
}

function tagOf(label: string): string {
  return label.startsWith('B-') || label.startsWith('I-') ? label.slice(2) : label;
}

/** The first of the highest. */
function highest(shares: Float64Array): number {
  let best = 0;
  for (let index = 1; index < shares.length; index++)
    if ((shares[index] as number) > (shares[best] as number)) best = index;
  return best;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
