/** `plexus models import <folder>`: a folder of this machine, with or without a manifest, becomes an installed version. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Io } from '../io.js';
import { type PullFlags, runPull } from './pull.js';

export function registerImport(models: Command, io: Io): void {
  models
    .command('import')
    .description('copy a model folder (Hugging Face ONNX layout, with or without manifest.json) into the cache')
    .argument('<folder>')
    .option('--name <name>', 'default: the name of the folder, or that of its manifest')
    .option('--as <version>', 'default: 1; a manifest keeps its own')
    .option('--precision <precision>', 'which weights, where the folder has several')
    .option('--max-bytes <bytes>', 'refuse larger models')
    .option('--json', 'print the manifest as JSON')
    .action(async (folder: string, flags: PullFlags) => runPull(`file:${resolve(folder)}`, flags, io));
}
