/**
 * The extractive summarizer: a text in, its most important sentences out, verbatim and with their places. Vectors come from outside
 * as a function, so this runs on plain arrays. A text with more sentences than are worth comparing is thinned out first, evenly
 * over its length, and the answer says how much was read.
 */
import type { Turns } from '../turns.js';
import { type Budget, choose } from './choose.js';
import { dot, features, scoreOf, unit } from './features.js';
import { byteOffsets, findSentences, type Sentence } from './sentences.js';
import { inSlices } from './slices.js';
import { type ExtractiveWeights, weightsFor } from './weights.js';
import { countWords, countWordsInTurns, wordsOf } from './words.js';

export type ExtractLength = { sentences: number } | { words: number } | { tokens: number } | { share: number };

export interface ExtractOptions {
  length: ExtractLength;
  /** Prefer what speaks about this; "" for nothing in particular. */
  focus: string;
  /** BCP 47; "" for unknown. */
  locale: string;
  signal: AbortSignal;
}

export interface ExtractDeps {
  weights: ExtractiveWeights;
  /** Vectors of length 1, one a text, in order. */
  embedSentences(texts: readonly string[]): Promise<readonly ArrayLike<number>[]>;
  /** Tokens of each text, for a length in tokens. */
  countTokens(texts: readonly string[]): Promise<readonly number[]>;
  turns: Turns;
  /** Sentences that are compared at most. */
  sentencesMax: number;
}

/** A chosen sentence, verbatim: [start, end) in the source. */
export interface ExtractedSentence {
  text: string;
  utf16Start: number;
  utf16End: number;
  byteStart: number;
  byteEnd: number;
  score: number;
}

export interface Extracted {
  sentences: ExtractedSentence[];
  /** Sentences of the source, and how many of them were compared. */
  found: number;
  /** Those that were compared, as they stand in the source. */
  compared: readonly Sentence[];
}

/** What the sentence closest to the focus gains over the farthest: twice all that sentences differ by otherwise. */
const FOCUS_GAIN = 2;

export async function extract(text: string, options: ExtractOptions, deps: ExtractDeps): Promise<Extracted> {
  const { signal, focus } = options;
  const all = await findSentences(text, options.locale, deps.turns, signal);
  if (all.length === 0) return { sentences: [], found: 0, compared: [] };
  const compared = await thin(all, deps.sentencesMax, focus, deps.turns);
  const texts = compared.map((sentence) => sentence.text);
  const vectors = await deps.embedSentences(focus === '' ? texts : [...texts, focus]);
  signal.throwIfAborted();
  const own = vectors.slice(0, texts.length);
  const weights = weightsFor(deps.weights, texts.length);
  const rows = await features(texts, own, deps.weights, deps.turns);
  const scores = rows.map((row) => scoreOf(row, weights));
  if (focus !== '') {
    const wanted = unit(vectors[texts.length] as ArrayLike<number>);
    const closeness = own.map((vector) => Math.max(0, dot(vector, wanted)));
    const [least, most] = [Math.min(...closeness), Math.max(...closeness)];
    const gain = (FOCUS_GAIN * (Math.max(...scores) - Math.min(...scores) || 1)) / (most - least || 1);
    for (let index = 0; index < scores.length; index++) {
      scores[index] = (scores[index] as number) + gain * ((closeness[index] as number) - least);
    }
  }
  // The same sentence again (a heading, a refrain) is never worth a second place, whatever the weights make of it.
  const first = new Map<string, number>();
  for (const [index, each] of texts.entries()) {
    if (first.has(each)) scores[index] = Number.NEGATIVE_INFINITY;
    else first.set(each, index);
  }
  const budget = await budgetOf(text, compared, options.length, deps);
  const picked = await choose(scores, own, weights.novelty, budget, deps.turns);
  const chosen = picked.map(({ index, score }) => ({
    ...(compared[index] as Sentence),
    score,
  }));
  const bytes = byteOffsets(
    text,
    chosen.flatMap(({ start, end }) => [start, end]),
  );
  return {
    sentences: chosen.map(({ start, end, score }, index) => ({
      text: text.slice(start, end),
      utf16Start: start,
      utf16End: end,
      byteStart: bytes[2 * index] as number,
      byteEnd: bytes[2 * index + 1] as number,
      score,
    })),
    found: all.length,
    compared,
  };
}

async function budgetOf(
  text: string,
  compared: readonly Sentence[],
  length: ExtractLength,
  deps: ExtractDeps,
): Promise<Budget> {
  if ('sentences' in length) return { sentencesMax: length.sentences };
  if ('tokens' in length) {
    const of = await deps.countTokens(compared.map((sentence) => sentence.text));
    return { sentencesMax: compared.length, costs: { of, budget: length.tokens } };
  }
  const of: number[] = [];
  await inSlices(compared.length, deps.turns, (index) => of.push(countWords((compared[index] as Sentence).text)));
  const budget =
    'words' in length
      ? length.words
      : Math.max(1, Math.round(length.share * (await countWordsInTurns(text, deps.turns))));
  return { sentencesMax: compared.length, costs: { of, budget } };
}

/**
 * The sentences worth comparing, where there are too many: the text is cut into stretches of equal length, and each gives its
 * likeliest (neither scraps nor monsters, words of the focus first). The beginning is kept: it counts.
 */
async function thin(all: readonly Sentence[], max: number, focus: string, turns: Turns): Promise<readonly Sentence[]> {
  if (all.length <= max) return all;
  const wanted = new Set(wordsOf(focus));
  const worth = new Float64Array(all.length);
  await inSlices(all.length, turns, (index) => {
    const words = wordsOf((all[index] as Sentence).text);
    const about = words.filter((word) => wanted.has(word)).length;
    worth[index] = Math.min(words.length, 20) - Math.max(0, words.length - 40) + 40 * about;
  });
  const begin = Math.min(3, max);
  const kept = all.slice(0, begin);
  const stretches = max - begin;
  for (let index = 0; index < stretches; index++) {
    const from = begin + Math.floor((index * (all.length - begin)) / stretches);
    const to = begin + Math.floor(((index + 1) * (all.length - begin)) / stretches);
    let best = from;
    for (let each = from + 1; each < to; each++) if ((worth[each] as number) > (worth[best] as number)) best = each;
    kept.push(all[best] as Sentence);
  }
  return kept;
}
