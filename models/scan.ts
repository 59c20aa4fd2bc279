/**
 * Finds model folders under one root of the search path: `<name>/<version>`, `<org>/<name>/<version>`, and plain Hugging Face
 * folders `<name>` and `<org>/<name>`. A root may also be a model folder itself. Looks at names only; reads no model.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isCommit } from './version.js';

/** A folder that holds a model, and what its place says of name and version. */
export interface Candidate {
  folder: string;
  /** Relative to the root, for messages. */
  place: string;
  name: string;
  /** Undefined for a plain folder without a version of its own. */
  version: string | undefined;
  hasManifest: boolean;
}

/** A folder with one of these, or with a graph in it, is a plain Hugging Face folder. */
const PLAIN = ['config.json', 'tokenizer.json', 'vocab.txt', 'vocab.json'];

/** Folders looked at under one root; beyond it the rest is not searched. */
const FOLDERS_MAX = 20_000;

/** Every model folder under `root`; none where the root does not exist. */
export async function scan(root: string): Promise<Candidate[]> {
  const found: Candidate[] = [];
  const budget = { left: FOLDERS_MAX };
  await visit(root, [], found, budget);
  return found;
}

async function visit(root: string, place: string[], found: Candidate[], budget: { left: number }): Promise<void> {
  if (budget.left-- <= 0) return;
  const folder = join(root, ...place);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = new Set(entries.map((entry) => entry.name));
  const hasManifest = names.has('manifest.json');
  // "onnx" in a root may be an organisation of that name.
  const hasGraph = entries.some(({ name }) => name.endsWith('.onnx')) || (place.length > 0 && names.has('onnx'));
  if (hasManifest || hasGraph || PLAIN.some((name) => names.has(name))) {
    found.push({ folder, place: place.join('/') || basename(root), hasManifest, ...readPlace(root, place) });
    return;
  }
  if (place.length === 3) return;
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory() || entry.isSymbolicLink()) await visit(root, [...place, entry.name], found, budget);
  }
}

/** `<a>/<b>` is a version of a where b looks like one, else a model of organisation a. */
function readPlace(root: string, place: string[]): { name: string; version: string | undefined } {
  const last = place.at(-1);
  if (last === undefined) return { name: basename(root), version: undefined };
  const isVersion = place.length === 3 || (place.length === 2 && (/^v?\d/.test(last) || isCommit(last)));
  return isVersion
    ? { name: place.slice(0, -1).join('/'), version: last }
    : { name: place.join('/'), version: undefined };
}
