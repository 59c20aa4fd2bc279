/** `plexus pipelines list`: what a folder has, with inputs and outputs. */
import type { Command } from 'commander';
import type { Io } from '../io.js';
import { table } from '../table.js';
import { type FolderFlags, openLibrary, withFolder } from './folder.js';

export function registerList(pipelines: Command, io: Io): void {
  withFolder(pipelines.command('list').description('list the pipelines of a folder')).action((flags: FolderFlags) => {
    const plans = openLibrary(flags, io).list();
    const rows = plans.map(({ name, version, inputs, outputs, description }) => [
      `${name}@${version}`,
      inputs.map((field) => `${field.name}${field.required ? '' : '?'}`).join(', '),
      outputs.map((field) => field.name).join(', '),
      description,
    ]);
    io.stdout.write(`${table(['pipeline', 'input', 'output', 'description'], rows)}\n`);
  });
}
