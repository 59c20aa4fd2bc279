// Padding: several encodings made equally long, as a batch needs them.
import type { Encoding } from './encoding.js';

export interface PaddingOptions {
  /** Tokens of each result; default the longest encoding. Longer ones stay as they are. */
  length?: number;
  /** The length is raised to a multiple of this; default 1. */
  multipleOf?: number;
  /** Which end is filled; default right. */
  side?: 'left' | 'right';
  padId: number;
  /** Default 0. */
  padTypeId?: number;
  /** Text of the padding in `tokens`; default [PAD]. */
  padToken?: string;
}

/**
 * As Python's `tokenizers` pads, what truncation cut off included, but for one thing: padding never belongs to a text,
 * where the library counts it to the first if the tokenizer has no post-processor.
 */
export function padEncodings(encodings: readonly Encoding[], options: PaddingOptions): Encoding[] {
  const multiple = Math.max(1, options.multipleOf ?? 1);
  const longest = options.length ?? encodings.reduce((length, e) => Math.max(length, e.ids.length), 0);
  const target = Math.ceil(longest / multiple) * multiple;
  return encodings.map((encoding) => padEncoding(encoding, target, options));
}

function padEncoding(encoding: Encoding, target: number, options: PaddingOptions): Encoding {
  const missing = target - encoding.ids.length;
  const overflowing = encoding.overflowing.map((piece) => padEncoding(piece, target, options));
  if (missing <= 0) return { ...encoding, overflowing };
  const left = options.side === 'left';
  const at = left ? missing : 0;
  const padding = new Array<string>(missing).fill(options.padToken ?? '[PAD]');
  const filled = <A extends Int32Array | Uint8Array | Int8Array | Uint32Array>(
    target: A,
    source: A,
    from: number,
  ): A => {
    target.set(source, from);
    return target;
  };
  return {
    ids: filled(new Int32Array(target).fill(options.padId), encoding.ids, at),
    typeIds: filled(new Uint8Array(target).fill(options.padTypeId ?? 0), encoding.typeIds, at),
    specialTokensMask: filled(new Uint8Array(target).fill(1), encoding.specialTokensMask, at),
    attentionMask: filled(new Uint8Array(target), encoding.attentionMask, at),
    offsets: filled(new Uint32Array(2 * target), encoding.offsets, 2 * at),
    wordIds: filled(new Int32Array(target).fill(-1), encoding.wordIds, at),
    sequenceIds: filled(new Int8Array(target).fill(-1), encoding.sequenceIds, at),
    tokens: left ? [...padding, ...encoding.tokens] : [...encoding.tokens, ...padding],
    overflowing,
  };
}
