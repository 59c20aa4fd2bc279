// Where recorded tokenizers lie, from the compiled tests, and one of them parsed.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createTokenizer, type Tokenizer } from '../../../inference/tokenizer/index.js';

/** The repository's root, from dist/test/inference/tokenizer. */
export const root = fileURLToPath(new URL('../../../../', import.meta.url));

export const fixturesFolder = `${root}test/inference/tokenizer/fixtures`;

/** The tokenizer.json inside a fixture. */
export function fixtureJson(name: string): Record<string, unknown> {
  const text = readFileSync(`${fixturesFolder}/${name}.json`, 'utf8');
  return (JSON.parse(text) as { tokenizer: Record<string, unknown> }).tokenizer;
}

export function fixture(name: string): Tokenizer {
  return createTokenizer(fixtureJson(name));
}
