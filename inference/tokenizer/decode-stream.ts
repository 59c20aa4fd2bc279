// Text as tokens arrive. A token alone may be half a character, and a decoder may treat a first token unlike the rest,
// so each new token is decoded behind the ones before it, and only what is new is given out. A broken end is held back
// until the bytes that complete it have come; what was given out is never changed.

export interface DecodeStream {
  /** The text that this token makes certain; often '' while a character is incomplete. */
  push(id: number): string;
  /** What was still held back. */
  end(): string;
}

/** Tokens held back at most: a run of bytes longer than this is no character, and is shown as it is. */
const HELD_MAX = 24;

export function createDecodeStream(decode: (ids: readonly number[]) => string): DecodeStream {
  // Tokens of the last text given out, then those since.
  let ids: number[] = [];
  let shown = 0;
  let prefix = '';

  const advance = (text: string): string => {
    // A decoder may look back and change what it said; the part both agree on is what was shown.
    const fresh = text.startsWith(prefix) ? text.slice(prefix.length) : text.slice(commonLength(prefix, text));
    ids = ids.slice(shown);
    shown = ids.length;
    prefix = decode(ids);
    return fresh;
  };

  return {
    push(id) {
      ids.push(id);
      const text = decode(ids);
      const held = ids.length - shown;
      if ((text.endsWith('\ufffd') || text.length <= prefix.length) && held < HELD_MAX) return '';
      return advance(text);
    },
    end() {
      const text = decode(ids);
      const fresh = text.startsWith(prefix) ? text.slice(prefix.length) : text.slice(commonLength(prefix, text));
      ids = [];
      shown = 0;
      prefix = '';
      return fresh;
    },
  };
}

function commonLength(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  return i;
}
