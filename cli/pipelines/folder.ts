/** The pipelines of a folder, for commands: --folder, PLEXUS_PIPELINES, or those that come with Plexus. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { createLibrary, type Library, type Problem, readFolder } from '../../gateway/pipeline/index.js';
import { packageRoot } from '../../protos/index.js';
import type { Io } from '../io.js';
import { printProblems } from './print.js';

export interface FolderFlags {
  folder?: string;
}

export function withFolder(command: Command): Command {
  return command.option('--folder <path>', 'folder of pipeline files (PLEXUS_PIPELINES; default: those of Plexus)');
}

/** Everything in the folder that is right; what is wrong is told on standard error. */
export function openLibrary(flags: FolderFlags, io: Io): Library {
  const path = flags.folder ?? (io.env.PLEXUS_PIPELINES || join(packageRoot, 'pipelines'));
  let files: Map<string, string>;
  try {
    files = readFolder(path);
  } catch {
    throw new MeshError('USAGE', `--folder: ${path} cannot be read`);
  }
  const library = createLibrary();
  const problems: Problem[] = library.install(files);
  if (problems.length > 0) io.stderr.write(printProblems(problems, files));
  return library;
}
