/**
 * The files of one model folder and their hashes. Hidden files (".gitattributes", ".DS_Store") do not belong to a model and are
 * passed over. Hashes are kept in memory by path, size, times and inode, so that an unchanged file is read once a process.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../chassis/errors.js';
import type { ManifestFile } from './manifest.js';

/** Files of one model; a folder with more is no model. */
export const FILES_MAX = 1_000;
const DEPTH_MAX = 4;
const HASHES_MAX = 10_000;

/** Relative paths with "/", sorted, manifest.json left out. Links to files are followed, as the hub's own cache consists of them. */
export async function listFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  await walk(folder, '', 1, found);
  return found.filter((path) => path !== 'manifest.json').sort(byCodeUnit);
}

async function walk(root: string, under: string, depth: number, found: string[]): Promise<void> {
  const entries = await readdir(join(root, under), { withFileTypes: true });
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = under ? `${under}/${entry.name}` : entry.name;
    const at = entry.isFile() ? entry : await stat(join(root, path)).catch(() => undefined);
    if (at?.isFile()) found.push(path);
    else if (!at?.isDirectory())
      throw new MeshError('MODEL_UNSUPPORTED', `${path} is neither a file nor a folder`, { facts: { file: path } });
    else if (depth < DEPTH_MAX) await walk(root, path, depth + 1, found);
    if (found.length > FILES_MAX) {
      throw new MeshError('MODEL_UNSUPPORTED', `the folder has more than ${FILES_MAX} files: it is no model`);
    }
  }
}

/** Size and sha256 of every given file. */
export async function describeFiles(folder: string, paths: readonly string[]): Promise<ManifestFile[]> {
  const described: ManifestFile[] = [];
  for (const path of paths) described.push({ path, ...(await hashFile(join(folder, path))) });
  return described;
}

const hashes = new Map<string, { key: string; sha256: string }>();

/** Hash of a file, streamed; from memory where size, times and inode are as they were. */
export async function hashFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const at = await stat(path, { bigint: true });
  const key = `${at.dev}:${at.ino}:${at.size}:${at.mtimeNs}:${at.ctimeNs}`;
  const known = hashes.get(path);
  if (known?.key === key) return { bytes: Number(at.size), sha256: known.sha256 };
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  const sha256 = hash.digest('hex');
  if (hashes.size >= HASHES_MAX) hashes.clear(); // costs a second reading, never a wrong answer
  hashes.set(path, { key, sha256 });
  return { bytes: Number(at.size), sha256 };
}

/** The digest of a whole model: one line "<sha256>  <path>\n" a file, sorted by path (what `sha256sum` prints). */
export function digestOf(files: readonly ManifestFile[]): string {
  const hash = createHash('sha256');
  for (const { sha256, path } of [...files].sort((a, b) => byCodeUnit(a.path, b.path)))
    hash.update(`${sha256}  ${path}\n`);
  return `sha256:${hash.digest('hex')}`;
}

/** The same order everywhere, whatever the locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
