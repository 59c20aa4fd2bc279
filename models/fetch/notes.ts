/**
 * What earlier pulls learned: which installed version a revision of the hub meant. Only these notes make a branch name usable
 * offline. Losing them costs one question to the hub.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Precision } from '../weights.js';
import { isInstalled, type PullContext } from './context.js';

/** By revision and wanted precision. */
type Notes = Record<string, { name: string; version: string; commit: string }>;

const notesPath = (cache: string, id: string): string => join(cache, 'refs', `${id.replaceAll('/', '--')}.json`);
const noteKey = (revision: string, precision: Precision | undefined): string => `${revision} ${precision ?? 'best'}`;

async function readNotes(cache: string, id: string): Promise<Notes> {
  try {
    return JSON.parse(await readFile(notesPath(cache, id), 'utf8')) as Notes;
  } catch {
    return {}; // none yet, or torn: it only saves a question to the hub
  }
}

/** The installed version that a revision meant when it was last pulled. */
export async function findInstalled(
  context: PullContext,
  id: string,
  revision: string,
): Promise<{ name: string; version: string } | undefined> {
  const note = (await readNotes(context.cache, id))[noteKey(revision, context.precision)];
  if (!note || (context.name !== undefined && context.name !== note.name)) return undefined;
  return (await isInstalled(context.cache, note.name, note.version))
    ? { name: note.name, version: note.version }
    : undefined;
}

/** Remembers what a revision meant, for offline use. */
export async function note(
  context: PullContext,
  id: string,
  revision: string,
  commit: string,
  placed: { name: string; version: string },
): Promise<void> {
  const path = notesPath(context.cache, id);
  const notes = await readNotes(context.cache, id);
  const value = { name: placed.name, version: placed.version, commit };
  for (const key of [noteKey(revision, context.precision), noteKey(commit, context.precision)]) notes[key] = value;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}`, JSON.stringify(notes, null, 1));
  await rename(`${path}.${process.pid}`, path);
}
