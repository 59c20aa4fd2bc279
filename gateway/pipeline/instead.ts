/** What to write instead of a value of the wrong type: the expression that would fit, or what a literal of the type looks like. */
import type { Environment } from '@marcbachmann/cel-js';
import type { Value } from './expression.js';
import { fieldsOf } from './types.js';
import { assignable, itemType } from './value.js';

/** For a value that stands where `wanted` is asked; "" where nothing near would fit. `data` is the value as it was written. */
export function instead(env: Environment, { ast, type, text }: Value, wanted: string, data: unknown): string {
  if (!ast) return literalInstead(data, wanted);
  const inner = text.slice(2, -1).trim();
  const written = (expression: string): string => `write "\${${expression}}"`;
  const wantedItem = itemType(wanted);
  const item = itemType(type);
  const fields = fieldsOf(env, type);
  if (fields) {
    const fitting = fieldsThatFit(fields, wanted);
    return fitting.length > 0
      ? written(`${inner}.${fitting[0]}`)
      : `read a field of it; it has ${Object.keys(fields).join(', ')}`;
  }
  if (wantedItem !== undefined) {
    // The list of an each is an expression, that of a field may be one of the file.
    if (item === undefined && wanted === 'list') return written(`[${inner}]`);
    if (item === undefined) return assignable(type, wantedItem) ? `write ["\${${inner}}"]` : '';
    const [field] = fieldsThatFit(fieldsOf(env, item) ?? {}, wantedItem);
    return field === undefined ? '' : written(`${inner}.map(each, each.${field})`);
  }
  if (item !== undefined) {
    if (assignable(item, wanted)) return written(`${inner}[0]`);
    const [field] = fieldsThatFit(fieldsOf(env, item) ?? {}, wanted);
    return field === undefined ? '' : written(`${inner}[0].${field}`);
  }
  if (wanted === 'bool') return written(type === 'string' ? `${inner} != ''` : `${inner} > 0`);
  if (wanted === 'string' || wanted === 'int' || wanted === 'double')
    return PLAIN.has(type) ? written(`${wanted}(${inner})`) : '';
  return '';
}

/** For a literal that stands where `wanted` is asked. */
export function literalInstead(data: unknown, wanted: string): string {
  if (typeof data === 'string' && data.includes('${'))
    return 'write the expression alone: with text around it, it is a text';
  const isNumber = typeof data === 'string' && data.trim() !== '' && Number.isFinite(Number(data));
  if (itemType(wanted) !== undefined) return 'write [ ... ] around it';
  switch (wanted) {
    case 'string':
      return typeof data === 'number' || typeof data === 'boolean' ? `write "${data}"` : 'write a text';
    case 'bool':
      return 'write true or false, without quotes';
    case 'int':
      return isNumber && Number.isInteger(Number(data)) ? `write ${data}, without quotes` : 'write a whole number: 3';
    case 'double':
      return isNumber ? `write ${data}, without quotes` : 'write a number: 0.5';
    default:
      return '';
  }
}

const PLAIN = new Set(['string', 'int', 'uint', 'double', 'bool']);

/** dyn fits everywhere and says nothing: left out. */
function fieldsThatFit(fields: Readonly<Record<string, string>>, wanted: string): string[] {
  return Object.entries(fields).flatMap(([name, type]) => (type !== 'dyn' && assignable(type, wanted) ? [name] : []));
}
