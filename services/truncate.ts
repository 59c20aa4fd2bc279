/** The Truncate enum of the requests as plain data. */
import { invalid } from '../chassis/check.js';
import type { Truncate } from '../inference/index.js';
import type { Truncate__Output } from '../protos/gen/plexus/v1/Truncate.js';

/** UNSPECIFIED is the model's own rule, which is RIGHT for every model of this version. */
export function checkTruncate(value: Truncate__Output): Truncate {
  return oneOf('truncate', value, {
    TRUNCATE_UNSPECIFIED: 'right',
    TRUNCATE_RIGHT: 'right',
    TRUNCATE_LEFT: 'left',
    TRUNCATE_REFUSE: 'refuse',
  });
}

/** An enum's plain value. A number the proto does not know arrives as that number; the error lists the names. */
export function oneOf<Name extends string, T>(field: string, value: Name, values: Readonly<Record<Name, T>>): T {
  if (!Object.hasOwn(values, value)) {
    throw invalid(field, `must be one of ${Object.keys(values).join(', ')}, is ${String(value)}`);
  }
  return values[value];
}
