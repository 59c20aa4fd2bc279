/** `plexus models list`: every version on the search path, and what lies there that is no model. */
import type { Command } from 'commander';
import type { Io } from '../io.js';
import { table } from '../table.js';
import { formatBytes } from './format.js';
import { bytesOf, openRepository, writeJson } from './place.js';

export function registerList(models: Command, io: Io): void {
  models
    .command('list')
    .description('list every model version on the search path, newest first')
    .option('--task <task>', 'only tokenize, embed, classify, summarize or infer')
    .option('--json', 'print JSON')
    .action(async ({ task, json }: { task?: string; json?: boolean }) => {
      const repository = openRepository(io);
      const found = (await repository.list()).filter(({ manifest }) => task === undefined || manifest.task === task);
      const problems = await repository.problems();
      if (json) {
        writeJson(io, {
          models: found.map(({ manifest, folder, inferred }) => ({
            ...manifest,
            folder,
            inferred,
            bytes: bytesOf({ manifest }),
          })),
          problems: problems.map(({ name, version, folder, error }) => ({
            name,
            version,
            folder,
            code: error.code,
            message: error.message,
          })),
        });
        return;
      }
      if (found.length === 0) io.stdout.write('no models: plexus models pull <org>/<name> brings one\n');
      else
        io.stdout.write(
          `${table(['name', 'version', 'task', 'architecture', 'precision', 'size', 'tokens', 'quality', 'licence'], found.map(toRow))}\n`,
        );
      for (const { error } of problems) io.stderr.write(`problem ${error.code}: ${error.message}\n`);
    });
}

function toRow(model: Awaited<ReturnType<ReturnType<typeof openRepository>['list']>>[number]): string[] {
  const { manifest, inferred } = model;
  const [quality] = manifest.quality ?? [];
  return [
    manifest.name,
    inferred ? `${manifest.version} (inferred)` : manifest.version,
    manifest.task,
    manifest.architecture,
    manifest.precision === 'none' ? '' : manifest.precision,
    formatBytes(bytesOf(model)),
    manifest.maxTokens >= 1_000_000 ? '' : String(manifest.maxTokens),
    quality ? `${quality.metric} ${quality.value}` : '',
    manifest.licence,
  ];
}
