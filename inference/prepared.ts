/**
 * A model as onnxruntime has made it ready for this machine: the optimised graph, and beside it the weights as its kernels want
 * them in memory. A session maps that file instead of reading and repacking it, so workers share one copy of the weights through
 * the page cache and open in a third of the time (bench/results/memory.md). Made by the first worker that opens a model, kept in
 * the cache folder, and made anew for another version of onnxruntime or another processor. Where it cannot be made or kept,
 * or processes died of it (trial.ts), the model is opened as it came.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { alignWeights } from './align.js';
import { isDeadly } from './trial.js';

/** Prepared models that are kept; the one not used for longest goes first. */
const KEPT_MAX = 32;
/** Smaller tensors stay in the graph. */
const MAPPED_BYTES_MIN = 1_024;
/** Copies that are being written; one that is older was left by a process that died. */
const DRAFT = 'draft-';
const DRAFT_MS_MAX = 3_600_000;
/** Changes with the way a copy is written. */
const LAYOUT = 'aligned';
const MODEL = 'model.onnx';
const WEIGHTS = 'model.data';
/** Sizes of the files: onnxruntime maps them, and a file that was cut short would end the process. */
const SIZES = 'sizes.json';

/** Where the prepared copy of a weight file belongs. `digest`: of the model it came from, `path`: which of its files. */
export function preparedFolder(cache: string, digest: string, path: string, runtimeVersion: string): string {
  const machine = [LAYOUT, runtimeVersion, process.platform, process.arch, cpus()[0]?.model ?? ''];
  const key = createHash('sha256')
    .update([digest, path, ...machine].join('\n'))
    .digest('hex');
  return join(cache, key.slice(0, 32));
}

/**
 * The file a session should be opened from: the prepared copy, made by `create` (which writes it) where there is none yet. Gives
 * `file` where that fails for whatever reason: a read-only disk, a graph that cannot be written.
 */
export async function preparedFile(
  file: string,
  folder: string,
  create: (options: InferenceSession.SessionOptions) => Promise<unknown>,
): Promise<string> {
  const ready = join(folder, MODEL);
  try {
    if (existsSync(folder)) {
      if (isDeadly(folder)) return file;
      if (whole(folder)) {
        const now = new Date();
        utimesSync(folder, now, now);
        return ready;
      }
      rmSync(folder, { recursive: true, force: true });
    }
    const cache = dirname(folder);
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, DRAFT));
    try {
      await create({
        optimizedModelFilePath: join(draft, MODEL),
        extra: {
          session: {
            optimized_model_external_initializers_file_name: WEIGHTS,
            optimized_model_external_initializers_min_size_in_bytes: String(MAPPED_BYTES_MIN),
            save_external_prepacked_constant_initializers: '1',
          },
        },
      });
      if (existsSync(join(draft, WEIGHTS))) alignWeights(join(draft, MODEL), join(draft, WEIGHTS)); // not where all are small
      const sizes = Object.fromEntries(readdirSync(draft).map((name) => [name, statSync(join(draft, name)).size]));
      writeFileSync(join(draft, SIZES), JSON.stringify(sizes));
      renameSync(draft, folder); // whole or not at all; another process may have been faster
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(ready)) throw error;
    }
    forgetOldest(cache);
    return ready;
  } catch {
    return file;
  }
}

function whole(folder: string): boolean {
  try {
    const sizes = JSON.parse(readFileSync(join(folder, SIZES), 'utf8')) as Record<string, number>;
    return (
      MODEL in sizes && Object.entries(sizes).every(([name, bytes]) => statSync(join(folder, name)).size === bytes)
    );
  } catch {
    return false;
  }
}

/** What is open stays mapped, so that nobody who uses a copy is hurt. */
function forgetOldest(cache: string): void {
  const found = readdirSync(cache)
    .map((name) => ({ name, at: statSync(join(cache, name)) }))
    .filter(({ at }) => at.isDirectory())
    .map(({ name, at }) => ({ name, draft: name.startsWith(DRAFT), usedMs: at.mtimeMs }))
    .sort((a, b) => b.usedMs - a.usedMs);
  const kept = found.filter(({ draft }) => !draft);
  const abandoned = found.filter(({ draft, usedMs }) => draft && usedMs < Date.now() - DRAFT_MS_MAX);
  for (const { name } of [...kept.slice(KEPT_MAX), ...abandoned])
    rmSync(join(cache, name), { recursive: true, force: true });
}
