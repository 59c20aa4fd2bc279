/** The forms a vector can take on the wire. */
import type { Embedding } from '../../protos/gen/plexus/v1/Embedding.js';

export type VectorFormat = 'float' | 'base64' | 'int8' | 'binary';

/**
 * The fields of an Embedding that hold the vector. `values` stays a Float32Array: the hand-written codec copies it as it is, and
 * the generated type knows only number[].
 */
export function formatVector(vector: Float32Array, format: VectorFormat): Embedding {
  switch (format) {
    case 'float':
      return { values: vector as unknown as number[] };
    case 'base64':
      return { base64: Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64') };
    case 'int8':
      return quantize(vector);
    case 'binary':
      return { binary: signBits(vector) };
  }
}

/** The same for each of many, one a step: a thousand of them take the thread for as long as a batch takes a worker. */
export function* formatEach(vectors: readonly Float32Array[], format: VectorFormat): Generator<Embedding> {
  for (const vector of vectors) yield formatVector(vector, format);
}

/** Vectors one after the other, in one of the forms. */
export interface FormattedVectors {
  values?: Float32Array;
  base64?: string;
  int8?: Buffer;
  /** Each vector begins at a whole byte. */
  binary?: Buffer;
  /** What the int8 of each vector are multiplied by. */
  scales?: Float32Array;
}

/** The same for vectors of `width` numbers that stand one after the other. */
export function formatVectors(vectors: Float32Array, width: number, format: VectorFormat): FormattedVectors {
  if (format === 'float') return { values: vectors };
  if (format === 'base64') return { base64: formatVector(vectors, format).base64 as string };
  const rows = Array.from({ length: vectors.length / width }, (_, row) =>
    formatVector(vectors.subarray(row * width, (row + 1) * width), format),
  );
  if (format === 'binary') return { binary: Buffer.concat(rows.map(({ binary }) => binary as Buffer)) };
  return {
    int8: Buffer.concat(rows.map(({ int8 }) => int8 as Buffer)),
    scales: Float32Array.from(rows, ({ scale }) => scale as number),
  };
}

/** The largest magnitude becomes 127; zeros stay zeros. */
function quantize(vector: Float32Array): Embedding {
  let most = 0;
  for (const value of vector) most = Math.max(most, Math.abs(value));
  const scale = Math.fround(most / 127);
  const bytes = new Int8Array(vector.length);
  if (scale > 0) {
    for (let index = 0; index < vector.length; index++)
      bytes[index] = Math.max(-127, Math.min(127, Math.round((vector[index] as number) / scale)));
  }
  return { int8: Buffer.from(bytes.buffer), scale };
}

/** One bit a number, 1 where positive, most significant bit first; the last byte is filled up with zeros. */
function signBits(vector: Float32Array): Buffer {
  const bits = Buffer.alloc(Math.ceil(vector.length / 8));
  for (let index = 0; index < vector.length; index++) {
    if ((vector[index] as number) > 0) bits[index >> 3] = (bits[index >> 3] as number) | (128 >> (index & 7));
  }
  return bits;
}
