// A JavaScript string may hold half a character: a surrogate without its other half. No text file can, so such a unit
// counts as U+FFFD, everywhere, and the length in code units stays the same.

interface WellFormable {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** `text` with every lone surrogate replaced by U+FFFD. */
export function wellFormed(text: string): string {
  // In every Node since 20, and in the ES2024 types.
  const known = text as unknown as WellFormable;
  return known.isWellFormed() ? text : known.toWellFormed();
}
