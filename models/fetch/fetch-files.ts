/**
 * The files of one pull, side by side: each from an earlier try, from a cache, or from the network, and each checked by its
 * hash wherever it came from.
 */
import { copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PullContext } from './context.js';
import { download, hashes, mismatch, type Wanted } from './download.js';
import { createLedger, type Ledger } from './ledger.js';

/** A file to fetch, `to` being decided here. */
export interface Fetched extends Omit<Wanted, 'to'> {
  /** A local file that may have the content. */
  cached(): Promise<string | undefined>;
}

/** Resolves when every file lies in `folder`, complete and checked. */
export async function fetchFiles(files: readonly Fetched[], folder: string, context: PullContext): Promise<void> {
  const ledger = createLedger(files, context.onEvent);
  await side(files, context.settings.connections, (file) =>
    fetchFile({ ...file, to: join(folder, ...file.path.split('/')) }, context, ledger),
  );
}

async function fetchFile(file: Fetched & Wanted, context: PullContext, ledger: Ledger): Promise<void> {
  if (await isGood(file)) return ledger.done(file.path, 'staged');
  const cached = await file.cached();
  if (cached !== undefined) {
    await mkdir(dirname(file.to), { recursive: true });
    await copyFile(cached, file.to);
    if (await isGood(file)) return ledger.done(file.path, 'cache');
    await rm(file.to, { force: true });
  }
  let resumed = false;
  await download(file, {
    http: context.http,
    random: context.random,
    triesMax: context.settings.tries,
    onBytes: (bytes) => ledger.at(file.path, bytes),
    onResume: () => {
      resumed = true;
    },
    onRetry: (why, delayMs) => context.onEvent({ at: 'retry', what: file.path, why, delayMs }),
  });
  ledger.done(file.path, resumed ? 'resumed' : 'network');
}

async function isGood(file: Wanted): Promise<boolean> {
  const found = await stat(file.to).catch(() => undefined);
  return found?.size === file.bytes && mismatch(file, await hashes(file.to, file.bytes)) === undefined;
}

/** Runs `work` for every file, at most `width` at a time; the first failure stops the rest from starting. */
async function side<T extends { bytes: number }>(
  files: readonly T[],
  width: number,
  work: (file: T) => Promise<void>,
): Promise<void> {
  // Small files first: a wrong or gated model shows itself before gigabytes have come.
  const waiting = [...files].sort((a, b) => a.bytes - b.bytes);
  let failed = false;
  const lanes = Array.from({ length: Math.min(width, waiting.length) }, async () => {
    for (let file = waiting.shift(); file && !failed; file = waiting.shift()) {
      try {
        await work(file);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  });
  const outcomes = await Promise.allSettled(lanes);
  const broken = outcomes.find((outcome) => outcome.status === 'rejected');
  if (broken) throw broken.reason;
}
