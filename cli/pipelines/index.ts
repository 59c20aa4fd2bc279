/** `plexus pipelines`: check, list, explain and type the pipelines of a folder, without a running mesh (only --analyze needs one). */
import type { Command } from 'commander';
import type { Io } from '../io.js';
import { registerCodegen } from './codegen.js';
import { registerExplain } from './explain.js';
import { registerList } from './list.js';
import { registerValidate } from './validate.js';

export function registerPipelineCommands(program: Command, io: Io): void {
  const pipelines = program.command('pipelines').description('check, list, explain and type pipelines');
  registerValidate(pipelines, io);
  registerList(pipelines, io);
  registerExplain(pipelines, io);
  registerCodegen(pipelines, io);
}
