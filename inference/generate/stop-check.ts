/**
 * Stop strings on tokens: does the text end, within its last token, with one of them? Only the last tokens are decoded, as many as
 * a stop string could span. As in transformers, what stands after the stop string inside that token stays.
 */
import type { StopCheck } from './decoding.js';

export function createStopCheck(stops: readonly string[], decode: (ids: readonly number[]) => string): StopCheck {
  // A token has at least one byte; one more token goes before, so that a space at the front of the first is kept.
  const span = Math.max(...stops.map((stop) => Buffer.byteLength(stop))) + 1;
  return (ids) => {
    const tail = ids.slice(-span);
    const text = decode(tail);
    const before = decode(tail.slice(0, -1)).replace(/\ufffd+$/, '').length;
    return stops.some((stop) => {
      const at = text.lastIndexOf(stop);
      return at >= 0 && at + stop.length > before;
    });
  };
}
