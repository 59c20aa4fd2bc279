// The result of encoding a text. Encodings are built as parts (one per sequence or special token), which truncation,
// templates and merging work on, and are sealed into typed arrays at the end.

export interface Encoding {
  readonly ids: Int32Array;
  readonly typeIds: Uint8Array;
  /** 1 for tokens that the post-processor or padding put in. */
  readonly specialTokensMask: Uint8Array;
  /** 0 for padding. */
  readonly attentionMask: Uint8Array;
  /** Start and end of each token in UTF-16 code units of the original text; 0, 0 for special tokens. */
  readonly offsets: Uint32Array;
  /** The word each token came from, counted from 0 in its text; -1 for special tokens. */
  readonly wordIds: Int32Array;
  /** 0 for the first text, 1 for the second, -1 for special tokens. */
  readonly sequenceIds: Int8Array;
  /** Token texts. */
  readonly tokens: readonly string[];
  /** What truncation cut off, as encodings of their own. */
  readonly overflowing: readonly Encoding[];
}

/** An encoding under construction. */
export interface Part {
  ids: number[];
  typeIds: number[];
  special: number[];
  attention: number[];
  /** Pairs. */
  offsets: number[];
  words: number[];
  sequences: number[];
  tokens: string[];
  overflowing: Part[];
}

export function emptyPart(): Part {
  return {
    ids: [],
    typeIds: [],
    special: [],
    attention: [],
    offsets: [],
    words: [],
    sequences: [],
    tokens: [],
    overflowing: [],
  };
}

/** The tokens [start, end) of a part, without what overflowed from it. */
export function slicePart(part: Part, start: number, end: number): Part {
  return {
    ids: part.ids.slice(start, end),
    typeIds: part.typeIds.slice(start, end),
    special: part.special.slice(start, end),
    attention: part.attention.slice(start, end),
    offsets: part.offsets.slice(2 * start, 2 * end),
    words: part.words.slice(start, end),
    sequences: part.sequences.slice(start, end),
    tokens: part.tokens.slice(start, end),
    overflowing: [],
  };
}

/** Puts `second` behind `first`, without what overflowed. */
export function joinParts(first: Part, second: Part): Part {
  return {
    ids: [...first.ids, ...second.ids],
    typeIds: [...first.typeIds, ...second.typeIds],
    special: [...first.special, ...second.special],
    attention: [...first.attention, ...second.attention],
    offsets: [...first.offsets, ...second.offsets],
    words: [...first.words, ...second.words],
    sequences: [...first.sequences, ...second.sequences],
    tokens: [...first.tokens, ...second.tokens],
    overflowing: [],
  };
}

/** One encoding from all parts, in order; each piece that overflowed one part meets every piece of the others. */
export function mergeParts(parts: readonly Part[]): Encoding {
  const alone = parts.map((part) => ({ ...part, overflowing: [] }));
  const whole = sealPart(alone.length === 1 ? (alone[0] as Part) : alone.reduce(joinParts, emptyPart()));
  if (parts.every((part) => part.overflowing.length === 0)) return whole;
  // Two long texts overflow into very many combinations, so these are made only for those who ask.
  let pieces: readonly Encoding[] | undefined;
  return Object.defineProperty({ ...whole }, 'overflowing', {
    enumerable: true,
    get: () => {
      pieces ??= combinations(parts).map(sealPart);
      return pieces;
    },
  });
}

/** All ways to join the parts with at least one replaced by a piece that overflowed from it. */
function combinations(parts: readonly Part[]): Part[] {
  let done: Part = emptyPart();
  let pieces: Part[] = [];
  for (const part of parts) {
    const next: Part[] = [];
    for (const piece of pieces) {
      next.push(joinParts(piece, part));
      for (const other of part.overflowing) next.push(joinParts(piece, other));
    }
    for (const other of part.overflowing) next.push(joinParts(done, other));
    done = joinParts(done, part);
    pieces = next;
  }
  return pieces;
}

function sealPart(part: Part): Encoding {
  return {
    ids: Int32Array.from(part.ids),
    typeIds: Uint8Array.from(part.typeIds),
    specialTokensMask: Uint8Array.from(part.special),
    attentionMask: Uint8Array.from(part.attention),
    offsets: Uint32Array.from(part.offsets),
    wordIds: Int32Array.from(part.words),
    sequenceIds: Int8Array.from(part.sequences),
    tokens: part.tokens,
    overflowing: [],
  };
}
