// Unigram: of all ways to cut a word into tokens, the one with the best sum of scores, found left to right. Neighbouring
// unknown characters become one unknown token, or bytes where the vocabulary has them.
import { TokenizerError } from '../error.js';
import { HASH_SEED, hashStep, hashText } from '../hash.js';
import type { TokenTable } from '../token-table.js';
import { mayContinue, Vocabulary } from '../vocabulary.js';
import { WORD_UNITS_MAX, WordCache } from '../word-cache.js';
import type { Model } from './model.js';

const UNKNOWN_PENALTY = 10;

export interface UnigramOptions {
  unknownId: number | null;
  byteFallback: boolean;
  /** By id, 1 for tokens that no text is cut into. */
  hidden: Uint8Array | undefined;
  /** The least score, which what is unknown falls short of. */
  worst: number;
  /** Sums of scores are kept in 32 bits, as SentencePiece does, which decides between cuts that are nearly as good. */
  singlePrecision: boolean;
}

const encoder = new TextEncoder();

export function createUnigram(tokens: TokenTable, scores: Float64Array, options: UnigramOptions): Model {
  const vocabulary = new Vocabulary(tokens);
  const { hidden, worst } = options;
  const sum = options.singlePrecision ? Math.fround : (value: number) => value;
  const unknownScore = sum(worst - UNKNOWN_PENALTY);
  const unknown = options.unknownId ?? -1;
  if (unknown >= tokens.count)
    throw new TokenizerError('the unknown token of the Unigram model is outside its vocabulary');
  const bytes = options.byteFallback ? byteIds(vocabulary) : undefined;
  const longest = vocabulary.longest;
  const filter = vocabulary.createPrefixFilter();
  const cache = new WordCache();
  const createSums = (length: number) =>
    options.singlePrecision ? new Float32Array(length) : new Float64Array(length);
  let best = createSums(128);
  let from = new Int32Array(128);
  let token = new Int32Array(128);
  let path = new Int32Array(128);

  const fallBack = (text: string, start: number, end: number): number[] | undefined => {
    if (bytes === undefined) return undefined;
    const ids: number[] = [];
    for (const byte of encoder.encode(text.slice(start, end))) {
      const id = bytes[byte] as number;
      if (id < 0) return undefined;
      ids.push(id);
    }
    return ids;
  };

  return {
    vocabulary,
    size: tokens.count,
    tokenize(text, start, end, sink) {
      const cached = end - start <= WORD_UNITS_MAX;
      if (cached && cache.replay(text, start, end, sink)) return;
      const first = sink.length;
      const size = end - start;
      if (best.length <= size) {
        const capacity = Math.max(size + 1, 2 * best.length);
        best = createSums(capacity);
        from = new Int32Array(capacity);
        token = new Int32Array(capacity);
        path = new Int32Array(capacity);
      }
      from.fill(-1, 0, size + 1);
      best[0] = 0;
      for (let at = 0; at < size; ) {
        const unit = text.charCodeAt(start + at);
        const width = unit >= 0xd800 && unit < 0xdc00 ? 2 : 1;
        const here = best[at] as number;
        let single = false;
        let hash = HASH_SEED;
        const limit = Math.min(size, at + longest);
        for (let to = at; to < limit; to++) {
          hash = hashStep(hash, text.charCodeAt(start + to));
          const id = vocabulary.find(text, start + at, start + to + 1, hash, 0);
          if (id < 0) {
            if (!mayContinue(filter, hash)) break;
            continue;
          }
          if (hidden !== undefined && hidden[id] === 1) continue;
          const score = sum((scores[id] as number) + here);
          if (from[to + 1] === -1 || score > (best[to + 1] as number)) {
            best[to + 1] = score;
            from[to + 1] = at;
            token[to + 1] = id;
          }
          if (to + 1 - at === width) single = true;
          if (!mayContinue(filter, hash)) break;
        }
        if (!single) {
          const to = at + width;
          const score = sum(unknownScore + here);
          if (from[to] === -1 || score > (best[to] as number)) {
            if (unknown < 0)
              throw new TokenizerError('a character is unknown and the Unigram model has no unknown token');
            best[to] = score;
            from[to] = at;
            token[to] = unknown;
          }
        }
        at += width;
      }
      let steps = 0;
      for (let at = size; at > 0; at = from[at] as number) path[steps++] = at;
      // Backwards through the path is forwards through the word.
      let low = 0;
      let extraTexts = false;
      for (let k = steps - 1; k >= 0; k--) {
        let high = path[k] as number;
        let id = token[high] as number;
        if (id === unknown) {
          while (k > 0 && token[path[k - 1] as number] === unknown) high = path[--k] as number;
          id = vocabulary.find(
            text,
            start + low,
            start + high,
            hashText(text, start + low, start + high, HASH_SEED),
            0,
          );
          if (id < 0) {
            const ids = fallBack(text, start + low, start + high);
            if (ids !== undefined) {
              for (const byteId of ids) sink.push(byteId, start + low, start + high);
            } else {
              extraTexts = true;
              sink.pushText(unknown, start + low, start + high, text.slice(start + low, start + high));
            }
            low = high;
            continue;
          }
        }
        sink.push(id, start + low, start + high);
        low = high;
      }
      if (cached && !extraTexts) cache.keep(text, start, end, sink, first);
      if (best.length > 1 << 20) {
        best = createSums(128);
        from = new Int32Array(128);
        token = new Int32Array(128);
        path = new Int32Array(128);
      }
    },
  };
}

/** The ids of the tokens <0x00> to <0xFF>, -1 where missing. */
export function byteIds(vocabulary: Vocabulary): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) =>
    vocabulary.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
}
