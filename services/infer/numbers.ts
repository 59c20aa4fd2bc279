/** Elements of tensors as numbers: what JSON and pipelines hold, and the typed contents of the Open Inference Protocol. */
import { invalid } from '../../chassis/check.js';
import { ELEMENT_BYTES, type ElementType } from '../../inference/index.js';

export type NumberType = Exclude<ElementType, 'string'>;

/** Bounds of the integer types, both included; those of 64 bits end where a double is no longer exact. */
const INTEGERS: Partial<Record<NumberType, readonly [number, number]>> = {
  bool: [0, 1],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Little-endian bytes of the numbers. FIELD_INVALID names the first that the type cannot hold: "inputs[0].values[3]". */
export function toBytes(type: NumberType, values: readonly number[], field: string): Uint8Array {
  const bounds = INTEGERS[type];
  if (bounds) {
    const [min, max] = bounds;
    const bad = values.findIndex((value) => !Number.isInteger(value) || value < min || value > max);
    if (bad >= 0) {
      const exact = type === 'int64' || type === 'uint64' ? '; send larger ones as raw bytes' : '';
      throw invalid(
        `${field}[${bad}]`,
        `must be a whole number from ${min} to ${max} for ${type}, is ${values[bad]}${exact}`,
      );
    }
  }
  const bytes = new Uint8Array(values.length * ELEMENT_BYTES[type]);
  const view = new DataView(bytes.buffer);
  const write = WRITERS[type];
  for (let index = 0; index < values.length; index++) write(view, index * ELEMENT_BYTES[type], values[index] as number);
  return bytes;
}

/** The numbers of little-endian bytes; 64-bit integers beyond 2^53 lose their last digits. */
export function toNumbers(type: NumberType, bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = ELEMENT_BYTES[type];
  const read = READERS[type];
  return Array.from({ length: bytes.byteLength / size }, (_, index) => read(view, index * size));
}

const WRITERS: Readonly<Record<NumberType, (view: DataView, at: number, value: number) => void>> = {
  bool: (view, at, value) => view.setUint8(at, value),
  uint8: (view, at, value) => view.setUint8(at, value),
  uint16: (view, at, value) => view.setUint16(at, value, true),
  uint32: (view, at, value) => view.setUint32(at, value, true),
  uint64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  int8: (view, at, value) => view.setInt8(at, value),
  int16: (view, at, value) => view.setInt16(at, value, true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  int64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  float16: (view, at, value) => view.setUint16(at, halfOf(value), true),
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float64: (view, at, value) => view.setFloat64(at, value, true),
};

const READERS: Readonly<Record<NumberType, (view: DataView, at: number) => number>> = {
  bool: (view, at) => view.getUint8(at),
  uint8: (view, at) => view.getUint8(at),
  uint16: (view, at) => view.getUint16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  uint64: (view, at) => Number(view.getBigUint64(at, true)),
  int8: (view, at) => view.getInt8(at),
  int16: (view, at) => view.getInt16(at, true),
  int32: (view, at) => view.getInt32(at, true),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  float16: (view, at) => fromHalf(view.getUint16(at, true)),
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
};

/** The nearest half, ties to even; infinity from 65,520 on. */
export function halfOf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65_520) return sign | 0x7c00;
  // The step between neighbours: 2^-24 among the subnormals, else 2^-10 of the power of two below.
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  const steps = even(size / 2 ** (exponent - 10));
  // A rounding up to the next power of two carries into the exponent by itself.
  return sign | (size < 2 ** -14 ? steps : (exponent + 15) * 1024 + steps - 1024);
}

export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function even(value: number): number {
  const below = Math.floor(value);
  const over = value - below;
  return below + (over > 0.5 || (over === 0.5 && below % 2 === 1) ? 1 : 0);
}
