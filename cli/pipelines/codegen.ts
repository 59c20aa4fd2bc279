/** `plexus pipelines codegen`: the types of every pipeline's input and output, so that a caller's mistake does not compile. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { generateProto, generateTypescript } from '../../gateway/pipeline/index.js';
import type { Io } from '../io.js';
import { type FolderFlags, openLibrary, withFolder } from './folder.js';

interface CodegenFlags extends FolderFlags {
  out?: string;
  proto?: boolean;
}

export function registerCodegen(pipelines: Command, io: Io): void {
  withFolder(pipelines.command('codegen'))
    .description('write TypeScript types (and a proto) of the pipelines of a folder')
    .option('--out <path>', 'folder for pipelines.ts and pipelines.proto; without it, TypeScript to standard output')
    .option('--proto', 'the proto to standard output instead')
    .action((flags: CodegenFlags) => {
      const plans = openLibrary(flags, io).list();
      if (flags.out === undefined) {
        io.stdout.write(flags.proto ? generateProto(plans) : generateTypescript(plans));
        return;
      }
      mkdirSync(flags.out, { recursive: true });
      const files = { 'pipelines.ts': generateTypescript(plans), 'pipelines.proto': generateProto(plans) };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(flags.out, name), text);
      io.stdout.write(`wrote ${Object.keys(files).join(' and ')} for ${plans.length} pipelines\n`);
    });
}
