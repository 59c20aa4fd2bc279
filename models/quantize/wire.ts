/**
 * Protocol buffers as fields: just enough to change an ONNX file while everything that is not understood passes through as the
 * bytes it came in, in the order it came in.
 */
import { MeshError } from '../../chassis/errors.js';

/** A field of a message. */
export type Field =
  /** A varint, as 64 bits. */
  | { number: number; wire: 0; value: bigint }
  /** A fixed number, a string, bytes or a message. */
  | { number: number; wire: 1 | 2 | 5; bytes: Uint8Array };

/** The fields of a message; MODEL_UNSUPPORTED where the bytes are none. */
export function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let low = 0;
    let scale = 1;
    // Almost every varint is small: plain numbers until they would lose bits.
    for (let count = 0; count < 7; count++) {
      const byte = bytes[at++];
      if (byte === undefined) throw broken();
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(low);
      scale *= 128;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw broken();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw broken();
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw broken();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0) throw broken();
    if (wire === 0) fields.push({ number, wire, value: varint() });
    else if (wire === 2) fields.push({ number, wire, bytes: take(Number(varint())) });
    else if (wire === 1) fields.push({ number, wire, bytes: take(8) });
    else if (wire === 5) fields.push({ number, wire, bytes: take(4) });
    else throw broken();
  }
  return fields;
}

/** A message of these fields. */
export function writeFields(fields: readonly Field[]): Uint8Array {
  let size = 0;
  const heads: Uint8Array[] = [];
  for (const field of fields) {
    const tag = field.number * 8 + field.wire;
    const head =
      field.wire === 0
        ? concat(varintOf(BigInt(tag)), varintOf(field.value))
        : headOf(tag, field.wire, field.bytes.length);
    heads.push(head);
    size += head.length + (field.wire === 0 ? 0 : field.bytes.length);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  fields.forEach((field, index) => {
    const head = heads[index] as Uint8Array;
    whole.set(head, at);
    at += head.length;
    if (field.wire === 0) return;
    whole.set(field.bytes, at);
    at += field.bytes.length;
  });
  return whole;
}

export const bytesField = (number: number, bytes: Uint8Array): Field => ({ number, wire: 2, bytes });
export const textField = (number: number, text: string): Field => bytesField(number, utf8.encode(text));
export const numberField = (number: number, value: number | bigint): Field => ({
  number,
  wire: 0,
  value: BigInt.asUintN(64, BigInt(value)),
});

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** The last value of a string field, or "". */
export function textOf(fields: readonly Field[], number: number): string {
  const found = bytesOf(fields, number);
  return found ? text.decode(found) : '';
}

/** Every value of a repeated string field. */
export function textsOf(fields: readonly Field[], number: number): string[] {
  return fields.flatMap((field) => (field.number === number && field.wire === 2 ? [text.decode(field.bytes)] : []));
}

export function bytesOf(fields: readonly Field[], number: number): Uint8Array | undefined {
  const found = fields.findLast((field) => field.number === number);
  return found && found.wire !== 0 ? found.bytes : undefined;
}

/** A signed integer field. */
export function integerOf(fields: readonly Field[], number: number): bigint | undefined {
  const found = fields.findLast((field) => field.number === number);
  return found?.wire === 0 ? BigInt.asIntN(64, found.value) : undefined;
}

/** A repeated integer field, packed or not. */
export function integersOf(fields: readonly Field[], number: number): number[] {
  const values: number[] = [];
  for (const field of fields) {
    if (field.number !== number) continue;
    if (field.wire === 0) values.push(Number(BigInt.asIntN(64, field.value)));
    else values.push(...unpack(field.bytes));
  }
  return values;
}

/** Packed varints are the fields of no message, so each is read as one. */
function unpack(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    values.push(Number(BigInt.asIntN(64, value)));
    value = 0n;
    shift = 0n;
  }
  return values;
}

function headOf(tag: number, wire: number, length: number): Uint8Array {
  const head = varintOf(BigInt(tag));
  return wire === 2 ? concat(head, varintOf(BigInt(length))) : head;
}

function varintOf(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  while (left >= 128n) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return Uint8Array.from(bytes);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function broken(): MeshError {
  return new MeshError(
    'MODEL_UNSUPPORTED',
    'the file is not an ONNX model: its bytes are no protocol buffer, or it is cut short',
  );
}
