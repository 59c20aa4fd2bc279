/** `plexus models ...`: which models there are, and everything that brings them in, checks them, changes and removes them. */
import type { Command } from 'commander';
import type { Io } from '../io.js';
import { registerCalibrate } from './calibrate.js';
import { registerGc } from './gc.js';
import { registerImport } from './import.js';
import { registerList } from './list.js';
import { registerPull } from './pull.js';
import { registerQuantize } from './quantize.js';
import { registerRemove } from './remove.js';
import { registerShow } from './show.js';
import { registerVerify } from './verify.js';

/** Mounts the subcommands. They throw MeshError; the caller reports it ("error CODE: message") and sets the exit code. */
export function registerModelsCommands(program: Command, io: Io): void {
  const models = program
    .command('models')
    .description('the models of this machine: list, show, verify, pull, import, quantize, calibrate, remove, gc');
  registerList(models, io);
  registerShow(models, io);
  registerVerify(models, io);
  registerPull(models, io);
  registerImport(models, io);
  registerQuantize(models, io);
  registerCalibrate(models, io);
  registerRemove(models, io);
  registerGc(models, io);
}
