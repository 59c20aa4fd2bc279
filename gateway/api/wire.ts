/**
 * As much of the protobuf wire format as routing needs: the `model` field, number 1 of every request. What does not parse is
 * passed on as it is; the service rejects it with the right error.
 */

/** Fields looked at: encoders write in the order of numbers, so field 1 stands first or not at all. */
const FIELDS_MAX = 16;
const MODEL_BYTES_MAX = 256;

/** The model a request names; undefined where it names none. */
export function readModel(message: Buffer): string | undefined {
  let at = 0;
  let model: string | undefined;
  for (let fields = 0; fields < FIELDS_MAX && at < message.length; fields++) {
    const tag = varint(message, at);
    if (!tag) break;
    at = tag.next;
    const length = lengthOf(message, at, tag.value & 7);
    if (!length || length.next + length.value > message.length) break;
    // The last one counts where a field stands twice.
    if (tag.value === 0x0a && length.value <= MODEL_BYTES_MAX)
      model = message.toString('utf8', length.next, length.next + length.value);
    at = length.next + length.value;
  }
  return model || undefined;
}

interface Read {
  value: number;
  /** Where the next byte stands. */
  next: number;
}

/** Bytes of a field's value, by its wire type; `next` is where they begin. */
function lengthOf(message: Buffer, at: number, wireType: number): Read | undefined {
  switch (wireType) {
    case 0: {
      const value = varint(message, at);
      return value && { value: 0, next: value.next };
    }
    case 1:
      return { value: 8, next: at };
    case 2:
      return varint(message, at);
    case 5:
      return { value: 4, next: at };
    default:
      return undefined; // groups: no message of the contract has them
  }
}

/** Up to 32 bits exactly; longer ones are read to their end and cut. */
function varint(message: Buffer, from: number): Read | undefined {
  let value = 0;
  for (let at = from, shift = 0; at < message.length && shift < 70; at++, shift += 7) {
    const byte = message[at] as number;
    if (shift < 28) value |= (byte & 0x7f) << shift;
    else if (shift === 28) value += (byte & 0x0f) * 2 ** 28;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return undefined;
}
