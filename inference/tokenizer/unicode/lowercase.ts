// Lowercase one character at a time. JavaScript's toLowerCase looks at the neighbours of a final sigma; the tokenizers
// we follow do not. Pairs newer than the Unicode of the running Node are mapped here.

/** Cased pairs of Unicode 16 and 17: first capital, how many, distance to the small letter. */
const NEWER: readonly (readonly [number, number, number])[] = [
  [0xa7cb, 1, 0x264 - 0xa7cb],
  [0xa7cc, 1, 1],
  [0xa7ce, 1, 1],
  [0xa7d2, 1, 1],
  [0xa7d4, 1, 1],
  [0xa7da, 1, 1],
  [0xa7dc, 1, 0x19b - 0xa7dc],
  [0x1c89, 1, 1],
  [0x10d50, 22, 32],
  [0x16ea0, 25, 27],
];

const missing = new Map<string, string>();
for (const [first, count, distance] of NEWER) {
  for (let point = first; point < first + count; point++) {
    const capital = String.fromCodePoint(point);
    if (capital.toLowerCase() === capital) missing.set(capital, String.fromCodePoint(point + distance));
  }
}
const missingPattern = missing.size === 0 ? undefined : new RegExp(`[${[...missing.keys()].join('')}]`, 'gu');

/** Lowercases `text` without regard to context. */
export function lowercase(text: string): string {
  let source = text.includes('\u03a3') ? text.replaceAll('\u03a3', '\u03c3') : text;
  if (missingPattern !== undefined) source = source.replace(missingPattern, (c) => missing.get(c) as string);
  return source.toLowerCase();
}
