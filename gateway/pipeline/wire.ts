/**
 * Protobuf messages read and moved without decoding them: the fields of a message as spans of its bytes. A report needs only
 * model, usage and timings of an answer; a field that goes into the next request as it is needs no reading at all.
 */

/** One field of a message: `bytes.subarray(start, end)` is its value, tag and length left out. */
export interface WireField {
  number: number;
  /** 0 varint, 1 64 bit, 2 length-delimited, 5 32 bit. */
  type: number;
  start: number;
  end: number;
  /** Where its tag ends and its length or value begins. */
  body: number;
}

/** The fields in order. Throws a RangeError where the bytes are no message. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1, count = 0; ; shift *= 128, count++) {
      const byte = bytes[at++];
      if (byte === undefined || count === 10) throw new RangeError('truncated message');
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    const body = at;
    let start = at;
    let end: number;
    if (type === 0) {
      varint();
      end = at;
    } else if (type === 2) {
      const length = varint();
      start = at;
      end = at + length;
    } else if (type === 1) end = at + 8;
    else if (type === 5) end = at + 4;
    else throw new RangeError(`wire type ${type}`);
    if (end > bytes.length) throw new RangeError('truncated message');
    at = end;
    yield { number: Math.floor(tag / 8), type, start, end, body };
  }
}

/** Bytes of the last field of that number; a message field means its whole. */
export function lastField(bytes: Uint8Array, number: number): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (const field of wireFields(bytes)) if (field.number === number) found = bytes.subarray(field.start, field.end);
  return found;
}

/** Every occurrence of field `from`, with the number `to` instead. */
export function retag(bytes: Uint8Array, from: number, to: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const field of wireFields(bytes)) {
    if (field.number === from) pieces.push(tag(to, field.type), bytes.subarray(field.body, field.end));
  }
  return pieces;
}

/** A string or message field. */
export function lengthDelimited(number: number, value: Uint8Array): Uint8Array[] {
  return [tag(number, 2), varintBytes(value.length), value];
}

function tag(number: number, type: number): Uint8Array {
  return varintBytes(number * 8 + type);
}

function varintBytes(value: number): Uint8Array {
  const made: number[] = [];
  while (value > 127) {
    made.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  made.push(value);
  return Uint8Array.from(made);
}
