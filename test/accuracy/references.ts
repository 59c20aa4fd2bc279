/**
 * The fixtures of reference.py: the 500 texts, and for each of them how many tokens, a hash of the ids, and the output. A vector
 * is kept as 32 random projections, so that a fixture is small: squared distances survive projection, and with them 1 - cosine,
 * within about a quarter of its value. Logits are kept whole.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../protos/index.js';

export type Precision = 'fp32' | 'int8';

/** A fixture: what Python says of one weights file. */
export interface Reference {
  model: string;
  precision: Precision;
  maxTokens: number;
  pooling?: 'mean' | 'cls';
  normalize?: boolean;
  labels?: string[];
  /** Numbers of an output. */
  width: number;
  /** Hex sha256 of the weights and of tokenizer.json. */
  weights: string;
  tokenizer: string;
  /** Hex sha256 over the texts. */
  texts: string;
  made: { onnxruntime: string; tokenizers: string; processor: string };
  /** As reference.py describes. */
  rows: string[];
}

const FOLDER = join(packageRoot, 'test', 'accuracy', 'reference');

export interface Text {
  /** "emoji", "long word" ... */
  kind: string;
  text: string;
}

/** The 500 texts; repetitions written out. */
export function readTexts(): Text[] {
  const pairs = JSON.parse(readFileSync(join(FOLDER, 'texts.json'), 'utf8')) as [string, string | [string, number][]][];
  return pairs.map(([kind, text]) => ({
    kind,
    text: typeof text === 'string' ? text : text.map(([piece, count]) => piece.repeat(count)).join(''),
  }));
}

/** As reference.py hashes them. */
function hashTexts(texts: readonly Text[]): string {
  return createHash('sha256')
    .update(texts.map(({ text }) => text).join('\0\n'))
    .digest('hex');
}

/** The fixtures of a model, one a precision. */
export function readReferences(model: string): Reference[] {
  return readdirSync(FOLDER)
    .filter((file) => new RegExp(`^${model.replaceAll('.', '\\.')}\\.(?:fp32|int8)\\.json$`).test(file))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Reference);
}

/** Hex sha256 of a file; undefined where there is none. */
function hashOf(path: string): string | undefined {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : undefined;
}

/** The fixture is of these very files and texts. */
export function sameFiles(reference: Reference, folder: string, weights: string): void {
  const again = `the reference is of other files: run python test/accuracy/reference.py ${reference.model}`;
  assert.equal(hashOf(join(folder, weights)), reference.weights, again);
  assert.equal(hashOf(join(folder, 'tokenizer.json')), reference.tokenizer, again);
  assert.equal(hashTexts(readTexts()), reference.texts, again);
}
