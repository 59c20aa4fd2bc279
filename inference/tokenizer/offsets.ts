// Offsets in other units: ours count UTF-16 code units, many callers count UTF-8 bytes.

/** The same spans in UTF-8 bytes. Lone surrogates count as the three bytes of U+FFFD. */
export function utf8Offsets(text: string, utf16Offsets: Uint32Array): Uint32Array {
  const out = new Uint32Array(utf16Offsets.length);
  let ascii = true;
  for (let i = 0; i < text.length && ascii; i++) ascii = text.charCodeAt(i) < 128;
  if (ascii) {
    out.set(utf16Offsets);
    return out;
  }
  const bytes = new Uint32Array(text.length + 1);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    bytes[i] = at;
    const point = text.codePointAt(i) as number;
    if (point > 0xffff) {
      at += 4;
      bytes[++i] = at;
    } else at += point < 0x80 ? 1 : point < 0x800 ? 2 : 3;
  }
  bytes[text.length] = at;
  for (let i = 0; i < out.length; i++) out[i] = bytes[Math.min(utf16Offsets[i] as number, text.length)] as number;
  return out;
}
