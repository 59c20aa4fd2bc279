/**
 * What stands between bytes and handlers. Decoding never throws: what is not a message, or has a string that is not UTF-8,
 * becomes a MeshError that names the field, and the server answers with it (grpc-js alone would say INTERNAL, and would let
 * broken text through as U+FFFD).
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { fieldError, MeshError } from './errors.js';

/** A request as the server sees it: the message, or why it is none. */
export type Decoded<T> = T | MeshError;

/** `decode`, made strict and total. */
export function strictDecode<T>(decode: (bytes: Buffer) => T): (bytes: Buffer) => Decoded<T> {
  return (bytes) => {
    let message: T;
    try {
      if (!wellFormed(bytes)) throw new Error('a field runs past the end of the message');
      message = decode(bytes);
    } catch (error) {
      return new MeshError(
        'MESSAGE_INVALID',
        'the bytes are not a message of this method: check that both sides use the same proto',
        { cause: error },
      );
    }
    const suspect = findReplacement(message)?.replace(/^\./, '');
    if (suspect === undefined) return message;
    // U+FFFD may stand in the caller's own text. Only where there are more of them than were sent was something broken.
    if (countInStrings(message) <= countInBytes(bytes)) return message;
    return fieldError('TEXT_NOT_UTF8', suspect, 'is not valid UTF-8; encode the text as UTF-8 before sending');
  };
}

/** The same method, its messages left as bytes: for the gateway, which passes on what it does not need to read. */
export function asBytes(method: MethodDefinition<unknown, unknown>): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    ...method,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** Whether the top-level fields end exactly where the message does: protobufjs reads a cut string as if it were whole. */
function wellFormed(bytes: Buffer): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  const skip = (length: number): void => {
    at += length;
  };
  while (at < bytes.length) {
    const wireType = varint() & 7;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 2) skip(varint());
    else if (wireType === 5) at += 4;
    else return false;
  }
  return at === bytes.length;
}

/**
 * The path of the first string with U+FFFD, from `value` on: "" for itself, "[3]", ".text". Put together on the way back, where
 * something was found: this runs over every message. A bytes field is not text: Buffers are passed over.
 */
function findReplacement(value: unknown): string | undefined {
  if (typeof value === 'string') return value.includes('\uFFFD') ? '' : undefined;
  if (Array.isArray(value)) {
    if (typeof value[0] === 'number') return undefined;
    for (let index = 0; index < value.length; index++) {
      const found = findReplacement(value[index]);
      if (found !== undefined) return `[${index}]${found}`;
    }
    return undefined;
  }
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return undefined;
  for (const key in value) {
    const found = findReplacement((value as Record<string, unknown>)[key]);
    if (found !== undefined) return `.${snake(key)}${found}`;
  }
  return undefined;
}

function countInStrings(value: unknown): number {
  if (typeof value === 'string') return value.split('\uFFFD').length - 1;
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return 0;
  let count = 0;
  for (const each of Object.values(value)) count += countInStrings(each);
  return count;
}

const REPLACEMENT = Buffer.from('\uFFFD');

function countInBytes(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(REPLACEMENT); at >= 0; at = bytes.indexOf(REPLACEMENT, at + REPLACEMENT.length)) count++;
  return count;
}

/** "promptName" -> "prompt_name", the name the proto has. */
export function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
