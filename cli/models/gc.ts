/** `plexus models gc`: what broken pulls left behind, and with --keep the older versions of every pulled model. */
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { collectGarbage } from '../../models/index.js';
import type { Io } from '../io.js';
import { formatBytes } from './format.js';
import { openCache, writeJson } from './place.js';

export function registerGc(models: Command, io: Io): void {
  models
    .command('gc')
    .description('remove unfinished downloads, and with --keep older versions from the cache')
    .option('--keep <count>', 'versions of each model to keep, newest first; default: all')
    .option('--dry-run', 'say what would go, remove nothing')
    .option('--json', 'print JSON')
    .action(async ({ keep, dryRun, json }: { keep?: string; dryRun?: boolean; json?: boolean }) => {
      const versions = keep === undefined ? Number.POSITIVE_INFINITY : Number(keep);
      if (keep !== undefined && (!Number.isInteger(versions) || versions < 1))
        throw new MeshError('USAGE', `--keep takes a whole number from 1, not ${JSON.stringify(keep)}`);
      const removed = await collectGarbage(openCache(io), { keepVersions: versions, dryRun: dryRun === true });
      if (json) return writeJson(io, { removed, dryRun: dryRun === true });
      for (const { what, bytes } of removed)
        io.stdout.write(`${dryRun ? 'would remove' : 'removed'} ${what}: ${formatBytes(bytes)}\n`);
      const bytes = removed.reduce((sum, each) => sum + each.bytes, 0);
      io.stdout.write(`${removed.length} removed, ${formatBytes(bytes)} ${dryRun ? 'could be freed' : 'freed'}\n`);
    });
}
