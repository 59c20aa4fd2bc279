/**
 * Floats as 8-bit integers with one scale a channel, symmetric (zero stays zero). Rounds half to even, as numpy and onnxruntime
 * do. With reduced range the integers have 7 bits: processors without VNNI add two products of 8 bits in 16 and would overflow,
 * silently and only there.
 */

/** Greatest integer used. */
export const RANGE = { full: 127, reduced: 64 } as const;

export interface Quantized {
  values: Int8Array;
  /** value = integer * scale of its channel. */
  scales: Float32Array;
}

/** A matrix of `rows` x `columns`, row by row; one scale for each row or each column. */
export function quantize(
  floats: Float32Array,
  rows: number,
  columns: number,
  channel: 'row' | 'column',
  most: number,
): Quantized {
  const channels = channel === 'row' ? rows : columns;
  const peaks = new Float32Array(channels);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const size = Math.abs(floats[row * columns + column] as number);
      const at = channel === 'row' ? row : column;
      if (size > (peaks[at] as number)) peaks[at] = size;
    }
  }
  // A channel of zeros: any scale is right, and 1 divides.
  const scales = peaks.map((peak) => (peak === 0 ? 1 : peak / most));
  const values = new Int8Array(floats.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const scale = scales[channel === 'row' ? row : column] as number;
      values[at] = Math.max(-most, Math.min(most, roundHalfEven((floats[at] as number) / scale)));
    }
  }
  return { values, scales };
}

/** 2.5 -> 2, 3.5 -> 4: halves must not all go one way. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Columns become rows. */
export function transpose(floats: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(floats.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = floats[row * columns + column] as number;
  }
  return turned;
}
