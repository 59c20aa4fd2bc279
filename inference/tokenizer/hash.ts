// The hash of a text: it grows one code unit at a time, so that every prefix of a word has its hash on the way.

/** Where hashing starts. */
export const HASH_SEED = 0x811c9dc5 | 0;

/** The hash of a text one unit longer. */
export function hashStep(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193) ^ (hash >>> 15);
}

/** The hash of [start, end) of `text`, from `seed`. */
export function hashText(text: string, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = hashStep(hash, text.charCodeAt(i));
  return hash;
}

/** Bits of a hash fit to choose a slot: 24 of them. */
export function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) >>> 8;
}

/** The hash of [start, end) of an array of code units. */
export function hashUnits(units: Uint16Array, start: number, end: number): number {
  let hash = HASH_SEED;
  for (let i = start; i < end; i++) hash = hashStep(hash, units[i] as number);
  return hash;
}
