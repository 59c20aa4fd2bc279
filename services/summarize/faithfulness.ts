/**
 * How well the source supports a summary, 0 to 1: for each sentence of the summary the source sentence that supports it best, half by
 * the words they share, half by how close their vectors are; the mean over the summary. A verbatim sentence has 1. It measures
 * support, not truth: "not" is one word among many.
 */
import { dot, lexicalVectors, plainWords } from '../../inference/extract/index.js';
import { rpcTurns } from '../../inference/turns.js';

/** Source sentences looked at in detail for each sentence of the summary. */
const CLOSEST = 8;

export type Embed = (texts: readonly string[]) => Promise<readonly ArrayLike<number>[]>;

export async function faithfulnessOf(
  summary: readonly string[],
  source: readonly string[],
  embed?: Embed,
): Promise<number> {
  if (summary.length === 0 || source.length === 0) return 0;
  const verbatim = new Set(source.map(flat));
  const open = summary.filter((sentence) => !verbatim.has(flat(sentence)));
  let total = summary.length - open.length;
  if (open.length > 0) {
    const all = [...open, ...source];
    const vectors = await (embed ? embed(all) : lexicalVectors(all, rpcTurns));
    const words = source.map((sentence) => new Set(wordsOf(sentence)));
    for (const [index, sentence] of open.entries()) {
      const own = vectors[index] as ArrayLike<number>;
      const closeness = source.map((_each, place) =>
        Math.max(0, dot(own, vectors[open.length + place] as ArrayLike<number>)),
      );
      const closest = [...closeness.keys()]
        .sort((a, b) => (closeness[b] as number) - (closeness[a] as number))
        .slice(0, CLOSEST);
      const wanted = wordsOf(sentence);
      let best = 0;
      for (const place of closest) {
        const shared = wanted.filter((word) => words[place]?.has(word)).length / Math.max(1, wanted.length);
        best = Math.max(best, (shared + Math.min(1, closeness[place] as number)) / 2);
      }
      total += best;
    }
  }
  return Math.min(1, total / summary.length);
}

function flat(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/** Words of any script; short ones carry little and are left out where there are longer ones. */
function wordsOf(text: string): string[] {
  const latin = plainWords(text);
  const words = latin.length > 0 ? latin : (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const content = words.filter((word) => word.length > 3);
  return content.length > 0 ? content : words;
}
