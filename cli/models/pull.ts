/** `plexus models pull <source>`: from the hub, an address or a folder into the cache. Ctrl-C stops it; pulling again resumes. */
import type { Command } from 'commander';
import { pull } from '../../models/index.js';
import type { Io } from '../io.js';
import { formatBytes } from './format.js';
import { bytesOf, idOf, readPrecision, readPullSettings, writeJson } from './place.js';
import { createPullProgress } from './pull-progress.js';

export interface PullFlags {
  precision?: string;
  name?: string;
  /** Version to import under. */
  as?: string;
  digest?: string;
  maxBytes?: string;
  json?: boolean;
}

export function registerPull(models: Command, io: Io): void {
  models
    .command('pull')
    .description(
      'bring a model from the hub (org/name, org/name@revision), an https: folder with a manifest.json, or file:folder',
    )
    .argument('<source>')
    .option('--precision <precision>', 'int8, fp16, fp32 or q4; default: the one a CPU prefers of those there are')
    .option('--name <name>', 'name to install it under')
    .option('--digest <sha256:...>', 'refuse any other digest (https: and file:)')
    .option('--max-bytes <bytes>', 'refuse larger models')
    .option('--json', 'print the manifest as JSON')
    .action(async (source: string, flags: PullFlags) => runPull(source, flags, io));
}

/** Pulls, shows progress, prints what was installed. */
export async function runPull(source: string, flags: PullFlags, io: Io): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const progress = createPullProgress(io);
  let already = false;
  try {
    const model = await pull(source, {
      settings: readPullSettings(io, flags),
      env: io.env,
      precision: readPrecision(flags.precision),
      name: flags.name,
      version: flags.as,
      digest: flags.digest,
      signal: stop.signal,
      onEvent(event) {
        if (event.at === 'installed') already = event.already;
        progress.onEvent(event);
      },
    });
    progress.end();
    if (flags.json) writeJson(io, model.manifest);
    else
      io.stdout.write(
        `${idOf(model)} ${already ? 'is here already' : 'installed'}: ${model.manifest.task}, ${model.manifest.precision}, ${formatBytes(bytesOf(model))}\n`,
      );
  } finally {
    progress.end();
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}
