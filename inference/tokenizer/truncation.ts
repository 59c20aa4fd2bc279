// Truncation: how many tokens of each text stay when both must fit, and what becomes of the rest.
import { emptyPart, type Part, slicePart } from './encoding.js';
import { TokenizerError } from './error.js';

export interface Truncation {
  /** Tokens that may stay, special ones not counted. */
  max: number;
  /** Tokens that an overflowing piece repeats from the one before. */
  stride: number;
  side: 'left' | 'right';
  strategy: 'longest_first' | 'only_first' | 'only_second';
}

/** Cuts a part to `max` tokens; the rest follows in `overflowing`, each piece as long as the first. */
export function cutPart(part: Part, max: number, { stride, side }: Truncation): Part {
  const length = part.ids.length;
  if (max >= length) return part;
  if (max === 0) return { ...emptyPart(), overflowing: [part] };
  if (stride >= max) {
    throw new TokenizerError(
      `the stride ${stride} must be less than the ${max} tokens that fit beside the special ones`,
    );
  }
  const pieces: Part[] = [];
  const step = max - stride;
  if (side === 'right') {
    for (let start = 0; ; start += step) {
      const end = Math.min(start + max, length);
      pieces.push(slicePart(part, start, end));
      if (end === length) break;
    }
  } else {
    for (let end = length; ; end -= step) {
      const start = Math.max(end - max, 0);
      pieces.push(slicePart(part, start, end));
      if (start === 0) break;
    }
  }
  const [first, ...rest] = pieces;
  return { ...(first as Part), overflowing: rest };
}

/** How many tokens of two texts stay under longest_first. */
export function sharedLengths(first: number, second: number, max: number): [number, number] {
  let short = Math.min(first, second);
  let long = short > max ? short : Math.max(short, max - short);
  if (short + long > max) {
    short = Math.floor(max / 2);
    long = short + (max % 2);
  }
  return first > second ? [long, short] : [short, long];
}

/** Cuts one or two parts so that together they fit. */
export function truncateParts(parts: readonly Part[], truncation: Truncation): Part[] {
  const { max, strategy } = truncation;
  const total = parts.reduce((sum, part) => sum + part.ids.length, 0);
  if (max === 0) return parts.map((part) => cutPart(part, 0, truncation));
  if (total <= max) return [...parts];
  const [first, second] = parts as [Part, Part | undefined];
  if (strategy === 'longest_first') {
    if (second === undefined) return [cutPart(first, max, truncation)];
    const [a, b] = sharedLengths(first.ids.length, second.ids.length, max);
    return [cutPart(first, a, truncation), cutPart(second, b, truncation)];
  }
  const target = strategy === 'only_first' ? first : second;
  if (target === undefined)
    throw new TokenizerError('truncation of only the second text was asked for, and there is none');
  const kept = target.ids.length - (total - max);
  if (kept <= 0) {
    const which = strategy === 'only_first' ? 'first' : 'second';
    throw new TokenizerError(`the ${which} text is too short to make both fit into ${max} tokens`);
  }
  const cut = cutPart(target, kept, truncation);
  return strategy === 'only_first' ? (second === undefined ? [cut] : [cut, second]) : [first, cut];
}
