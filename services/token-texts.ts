/** The tokens of an encoding as strings. */
import type { PackedEncoding } from '../inference/index.js';

export function tokenTexts({ tokenBytes, tokenLengths }: PackedEncoding): string[] {
  const bytes = Buffer.from(tokenBytes.buffer, tokenBytes.byteOffset, tokenBytes.byteLength);
  let at = 0;
  return Array.from(tokenLengths, (length) => {
    at += length;
    return bytes.toString('utf8', at - length, at);
  });
}
