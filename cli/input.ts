/** Text for a command: words on the command line, --file, or standard input ("-"). */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { MeshError } from '../chassis/errors.js';
import type { Json } from '../chassis/struct.js';

export async function readText(words: readonly string[], file: string | undefined): Promise<string> {
  if (file !== undefined && words.length > 0)
    throw new MeshError('USAGE', 'give the text as words or as --file, not both');
  if (words.length > 0) return words.join(' ');
  if (file === undefined)
    throw new MeshError('USAGE', 'no text: give it as words, or --file <path> ("-" for standard input)');
  const bytes = file === '-' ? Buffer.from(await readAll(process.stdin)) : await readFile(file).catch(() => undefined);
  if (!bytes) throw new MeshError('USAGE', `--file: ${file} cannot be read`);
  return bytes.toString('utf8');
}

/** A JSON object from --data or --input; the message says where it breaks. */
export function readJson(option: string, text: string): Record<string, Json> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MeshError('USAGE', `${option} is not JSON: ${(error as Error).message}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new MeshError('USAGE', `${option} must be a JSON object`);
  return value as Record<string, Json>;
}

/** A whole number of milliseconds from an option. */
export function readTimeout(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new MeshError('USAGE', `--timeout must be a whole number of milliseconds above 0, is ${text}`);
  return value;
}
