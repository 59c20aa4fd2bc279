/**
 * How well the source supports a summary, 0 to 1: for each sentence of the summary the source sentence that supports it best, half by
 * the words they share, half by how close their vectors are; the mean over the summary. A verbatim sentence has 1. It measures
 * support, not truth: "not" is one word among many.
 */
import { dot, inSlices, isContent, lexicalVectors, wordsOf } from '../../inference/extract/index.js';
import type { Turns } from '../../inference/turns.js';

/** Source sentences looked at in detail for each sentence of the summary. */
const CLOSEST = 8;

export interface FaithfulnessDeps {
  /** Vectors of length 1, one a text; absent: of the words alone. */
  embed?: (texts: readonly string[]) => Promise<readonly ArrayLike<number>[]>;
  /** Source sentences that are compared by vectors: of a longer source those that share most words with the summary, then evenly. */
  sentencesMax: number;
  turns: Turns;
}

export async function faithfulnessOf(
  summary: readonly string[],
  source: readonly string[],
  { embed, sentencesMax, turns }: FaithfulnessDeps,
): Promise<number> {
  if (summary.length === 0 || source.length === 0) return 0;
  const verbatim = new Set<string>();
  await inSlices(source.length, turns, (place) => verbatim.add(flat(source[place] as string)));
  const open = summary.filter((sentence) => !verbatim.has(flat(sentence)));
  let total = summary.length - open.length;
  if (open.length > 0) {
    const wanted = open.map((sentence) => new Set(contentOf(sentence)));
    const compared = source.length > sentencesMax ? await likeliest(wanted, source, sentencesMax, turns) : source;
    const all = [...open, ...compared];
    const vectors = await (embed ? embed(all) : lexicalVectors(all, turns));
    const closest = open.map((): Ranked[] => []);
    await inSlices(open.length * compared.length, turns, (pair) => {
      const [index, place] = [Math.floor(pair / compared.length), pair % compared.length];
      const closeness = dot(vectors[index] as ArrayLike<number>, vectors[open.length + place] as ArrayLike<number>);
      keep(closest[index] as Ranked[], CLOSEST, place, Math.min(1, Math.max(0, closeness)));
    });
    await inSlices(open.length, turns, (index) => {
      const words = wanted[index] as ReadonlySet<string>;
      const support = (closest[index] as Ranked[]).map(({ place, value }) => {
        const theirs = new Set(wordsOf(compared[place] as string));
        const shared = [...words].filter((word) => theirs.has(word)).length / Math.max(1, words.size);
        return (shared + value) / 2;
      });
      total += Math.max(...support);
    });
  }
  return Math.min(1, total / summary.length);
}

/**
 * The source sentences that can support the summary: for each of its sentences those with most of its words, wherever they stand, and
 * then others from all over the text, for what was said in other words.
 */
async function likeliest(
  wanted: readonly ReadonlySet<string>[],
  source: readonly string[],
  max: number,
  turns: Turns,
): Promise<string[]> {
  const holders = new Map<string, number[]>();
  for (const [index, words] of wanted.entries()) {
    for (const word of words) {
      const own = holders.get(word);
      if (own) own.push(index);
      else holders.set(word, [index]);
    }
  }
  const each = Math.max(1, Math.min(CLOSEST, Math.floor(max / wanted.length)));
  const best = wanted.map((): Ranked[] => []);
  await inSlices(source.length, turns, (place) => {
    const shared = new Map<number, number>();
    for (const word of new Set(wordsOf(source[place] as string))) {
      for (const index of holders.get(word) ?? []) shared.set(index, (shared.get(index) ?? 0) + 1);
    }
    for (const [index, count] of shared) {
      keep(best[index] as Ranked[], each, place, count / (wanted[index] as ReadonlySet<string>).size);
    }
  });
  const places = new Set(best.flat().map(({ place }) => place));
  const rest = max - places.size;
  for (let index = 0; index < rest; index++) places.add(Math.floor((index * source.length) / rest));
  return [...places].map((place) => source[place] as string);
}

interface Ranked {
  place: number;
  value: number;
}

/** Keeps the `size` of highest value, best first; the earlier of equals. */
function keep(best: Ranked[], size: number, place: number, value: number): void {
  if (best.length === size && value <= (best[size - 1] as Ranked).value) return;
  let at = best.length;
  while (at > 0 && (best[at - 1] as Ranked).value < value) at--;
  best.splice(at, 0, { place, value });
  if (best.length > size) best.pop();
}

function flat(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/** Words of any script; short ones carry little and are left out where there are longer ones. */
function contentOf(text: string): string[] {
  const words = wordsOf(text);
  const content = words.filter(isContent);
  return content.length > 0 ? content : words;
}
