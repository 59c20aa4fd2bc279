/**
 * The sentences of a text with their places, found in slices of a few milliseconds so that a text of two million characters holds up
 * nobody. Borders are those of tokenizer/sentences.ts; here white space around a sentence is left outside it.
 */

import { sentences as split } from '../tokenizer/index.js';
import type { Turns } from '../turns.js';

/** A sentence of the source, trimmed, [start, end) in UTF-16 code units. */
export interface Sentence {
  start: number;
  end: number;
  /** Its text, inner white space made single spaces. */
  text: string;
}

/** Code units looked at in one go: about 3 ms. */
const SLICE_UNITS = 16_384;

export async function findSentences(
  text: string,
  locale: string,
  turns: Turns,
  signal: AbortSignal,
): Promise<Sentence[]> {
  const found: Sentence[] = [];
  let at = 0;
  let wanted = SLICE_UNITS;
  while (at < text.length) {
    const turn = turns.take();
    if (turn) await turn;
    signal.throwIfAborted();
    const startedMs = performance.now();
    const end = Math.min(text.length, at + wanted);
    const spans = split(text.slice(at, end), locale || undefined);
    // The last sentence of a slice may go on behind it: it is looked at again, with what follows.
    const last = spans.at(-1);
    const whole = end === text.length ? spans : spans.slice(0, -1);
    for (const span of whole) push(found, text, at + span.start, at + span.end);
    if (end === text.length) at = end;
    else if (whole.length === 0 && wanted < 4 * SLICE_UNITS) wanted *= 2;
    else if (whole.length === 0) {
      push(found, text, at, end); // No border in so much text: taken as it is.
      at = end;
      wanted = SLICE_UNITS;
    } else {
      at += last?.start ?? 0;
      wanted = SLICE_UNITS;
    }
    turns.spent(performance.now() - startedMs);
  }
  return found;
}

function push(found: Sentence[], text: string, start: number, end: number): void {
  const raw = text.slice(start, end);
  const left = raw.length - raw.trimStart().length;
  const trimmed = raw.trim();
  if (trimmed === '') return;
  found.push({ start: start + left, end: start + left + trimmed.length, text: trimmed.replace(/\s+/g, ' ') });
}

/** UTF-8 offsets of increasing UTF-16 offsets. Lone surrogates count as the three bytes they are encoded with. */
export function byteOffsets(text: string, offsets: readonly number[]): number[] {
  const found: number[] = [];
  let at = 0;
  let bytes = 0;
  for (const offset of offsets) {
    bytes += Buffer.byteLength(text.slice(at, offset));
    at = offset;
    found.push(bytes);
  }
  return found;
}
