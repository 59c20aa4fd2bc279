/**
 * A text longer than the model: split at sentence borders, its parts written in one continuous batch, and put together again. Each
 * way says how much of the source was read; nothing is cut silently.
 */
import { extract, LEXICAL_WEIGHTS } from '../../inference/extract/index.js';
import type { TextReader } from '../../inference/index.js';
import { rpcTurns } from '../../inference/turns.js';

export interface PartsDeps {
  texts: Pick<TextReader, 'chunk' | 'count'>;
  /** Tokens one input of the model may have, special ones counted, the prefix taken off. */
  room: number;
  /** Special tokens of one input. */
  specials: number;
  /** Tokens a summary of a part may have; two fit into the room. */
  summaryMax: number;
  partsMax: number;
  partsTogether: number;
  /** Sentences that are compared when the most important are chosen. */
  sentencesMax: number;
  locale: string;
  signal: AbortSignal;
  /** Vectors of sentences. */
  embed(texts: readonly string[]): Promise<readonly ArrayLike<number>[]>;
  /** Writes the summary of one part. */
  write(part: string): Promise<string>;
}

/** What is left to be summarized in one go, and what was read on the way. */
export interface Reduced {
  text: string;
  /** Tokens of the source that were read. */
  readTokens: number;
  parts: number;
  /** True where the source was too long even for its parts, or had more sentences than were compared. */
  thinned: boolean;
  /** True where what was written of the parts did not fit together, and only its most important sentences were read on. */
  summariesThinned: boolean;
}

/** Repeats a little of the part before, so that a sentence is not read without its context. */
const OVERLAP_SHARE = 1 / 8;
const OVERLAP_MAX = 32;
const LEVELS_MAX = 8;

/** Summaries of the parts, and of those again, until they fit. */
export async function mapReduce(text: string, deps: PartsDeps): Promise<Reduced> {
  const { kept, ...read } = await split(text, deps.room, deps);
  let parts = kept;
  let summariesThinned = false;
  for (let level = 1; ; level++) {
    const written = await inCompany(parts, deps.partsTogether, (part) => deps.write(part));
    const joined = written.filter((each) => each !== '').join(' ');
    const [tokens = 0] = await deps.texts.count([joined], true, deps.signal);
    if (tokens <= deps.room) return { ...read, text: joined, summariesThinned };
    const before = parts.length;
    const next = await split(joined, deps.room, deps);
    // A model that does not shorten would go round for ever: what its parts say most centrally is taken instead.
    if (level >= LEVELS_MAX || next.kept.length >= before) {
      const { text: central } = await mostImportant(joined, deps.room - deps.specials, '', deps);
      return { ...read, text: central, summariesThinned: true };
    }
    summariesThinned ||= next.thinned;
    parts = next.kept;
  }
}

/** The summary so far is carried into the next part. Returns the last input: the summary so far and the last part. */
export async function refine(text: string, deps: PartsDeps): Promise<Reduced> {
  const carried = Math.min(deps.summaryMax + deps.specials, Math.floor(deps.room / 2));
  const { kept, ...read } = await split(text, deps.room - carried, deps);
  let soFar = '';
  let summariesThinned = false;
  for (const [index, part] of kept.entries()) {
    const input = soFar === '' ? part : `${soFar} ${part}`;
    if (index === kept.length - 1) return { ...read, text: input, summariesThinned };
    const written = await deps.write(input);
    soFar = await shorten(written, carried, deps);
    summariesThinned ||= soFar.length < written.length;
  }
  return { ...read, text: soFar, summariesThinned };
}

/** The most important sentences that fit, about the focus where there is one. */
export async function mostImportant(
  text: string,
  room: number,
  focus: string,
  {
    texts,
    sentencesMax,
    locale,
    signal,
    embed,
  }: Pick<PartsDeps, 'texts' | 'sentencesMax' | 'locale' | 'signal' | 'embed'>,
): Promise<Reduced> {
  const { sentences, found, compared } = await extract(
    text,
    { length: { tokens: room }, focus, locale, signal },
    {
      weights: LEXICAL_WEIGHTS,
      embedSentences: embed,
      // Joining sentences may cost a token each.
      countTokens: async (all) => (await texts.count(all, false, signal)).map((tokens) => tokens + 1),
      turns: rpcTurns,
      sentencesMax,
    },
  );
  let joined = sentences.map((each) => each.text).join(' ');
  let [readTokens = 0] = await texts.count([joined], false, signal);
  if (readTokens > room) {
    // One sentence that is longer than the room.
    joined = await shorten(joined, room, { texts, signal });
    [readTokens = 0] = await texts.count([joined], false, signal);
  }
  return { text: joined, readTokens, parts: 1, thinned: compared.length < found, summariesThinned: false };
}

async function split(
  text: string,
  room: number,
  { texts, specials, partsMax, locale, signal }: PartsDeps,
): Promise<{ kept: string[]; readTokens: number; parts: number; thinned: boolean }> {
  const overlapTokens = Math.min(OVERLAP_MAX, Math.floor(room * OVERLAP_SHARE));
  const chunks = await texts.chunk(text, { maxTokens: room, overlapTokens, ...(locale && { locale }) }, signal);
  const thinned = chunks.length > partsMax;
  // Evenly over the whole text, its beginning and its end included.
  const places = thinned
    ? Array.from({ length: partsMax }, (_, index) =>
        Math.round((index * (chunks.length - 1)) / Math.max(1, partsMax - 1)),
      )
    : [...chunks.keys()];
  const kept = places.map((place) => chunks[place]).filter((each) => each !== undefined);
  let readTokens = 0;
  let end = 0;
  for (const chunk of kept) {
    // What two parts share was read once.
    const share = chunk.end > chunk.start ? (chunk.end - Math.max(end, chunk.start)) / (chunk.end - chunk.start) : 0;
    readTokens += Math.round((chunk.tokens - specials) * share);
    end = chunk.end;
  }
  return {
    kept: kept.map(({ start, end: to }) => text.slice(start, to).trim()),
    readTokens,
    parts: kept.length,
    thinned,
  };
}

/** The beginning of a text, whole sentences where they fit. */
async function shorten(
  text: string,
  tokensMax: number,
  { texts, signal }: Pick<PartsDeps, 'texts' | 'signal'>,
): Promise<string> {
  const [first] = text === '' ? [] : await texts.chunk(text, { maxTokens: tokensMax }, signal);
  return text.slice(0, first?.end ?? 0).trimEnd();
}

/** All at once up to `together`; the order of the results is that of the items. The first that fails fails all. */
export async function inCompany<T, R>(
  items: readonly T[],
  together: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, items.length) }, worker));
  return results;
}
