/**
 * float32 values as short decimals: 0.9 instead of 0.8999999761581421. What a service sends as `float` has seven digits; as a
 * double it shows seventeen, ten of them noise. The shortened number is the same float32.
 */
import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';

/** The nearest short decimal that is the same float32; `value` itself where none of up to ten decimals is. */
export function shorten(value: number): number {
  for (const scale of SCALES) {
    const short = Math.round(value * scale) / scale;
    if (Math.fround(short) === value) return short;
  }
  return value;
}

const SCALES = [1e3, 1e6, 1e8, 1e10];

/** Shortens every float of a message, in place. */
export function shortenFloats(desc: DescMessage, message: Message): void {
  const values = message as unknown as Record<string, unknown>;
  for (const field of floatFields(desc)) {
    const holder = field.oneof ? (values[field.oneof.localName] as { case?: string; value?: unknown }) : values;
    if (field.oneof && holder.case !== field.localName) continue;
    const key = field.oneof ? 'value' : field.localName;
    const value = (holder as Record<string, unknown>)[key];
    if (value === undefined) continue;
    if (field.fieldKind === 'list') {
      const list = value as unknown[];
      if (field.message) for (const item of list) shortenFloats(field.message, item as Message);
      else for (let index = 0; index < list.length; index++) list[index] = shorten(list[index] as number);
    } else if (field.message) shortenFloats(field.message, value as Message);
    else (holder as Record<string, unknown>)[key] = shorten(value as number);
  }
}

const known = new Map<string, readonly DescField[]>();

/** Fields that are floats or hold some, so that the others are not walked. */
function floatFields(desc: DescMessage): readonly DescField[] {
  let found = known.get(desc.typeName);
  if (!found) {
    known.set(desc.typeName, []); // messages may hold themselves
    found = desc.fields.filter(
      (field) => field.fieldKind !== 'map' && (field.scalar === ScalarType.FLOAT || holdsFloats(field.message)),
    );
    known.set(desc.typeName, found);
  }
  return found;
}

function holdsFloats(desc: DescMessage | undefined): boolean {
  return desc !== undefined && floatFields(desc).length > 0;
}
