/** `plexus pipelines validate <file...>`: every mistake with file, line, column and suggestion; exit code 1 where there is one. */
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Command } from 'commander';
import { MeshError } from '../../chassis/errors.js';
import { createLibrary, readFolder } from '../../gateway/pipeline/index.js';
import type { Io } from '../io.js';
import { printProblems } from './print.js';

export function registerValidate(pipelines: Command, io: Io): void {
  pipelines
    .command('validate')
    .description('check pipeline files against the protos; files beside them may be called')
    .argument('<file...>')
    .action((files: string[]) => {
      let wrong = 0;
      for (const file of files) wrong += validate(file, io);
      if (wrong > 0) throw new MeshError('PIPELINE_INVALID', `${wrong} ${wrong === 1 ? 'problem' : 'problems'}`);
    });
}

function validate(file: string, io: Io): number {
  let text: string;
  let siblings: Map<string, string>;
  try {
    text = readFileSync(file, 'utf8');
    siblings = readFolder(dirname(file));
  } catch {
    throw new MeshError('USAGE', `${file} cannot be read`);
  }
  siblings.delete(basename(file));
  const library = createLibrary();
  library.install(siblings); // what is wrong with them is told when they are asked about
  const { plan, problems } = library.check(file, text);
  if (plan)
    io.stdout.write(
      `${file}: ${plan.name}@${plan.version} is right, ${plan.steps.length} ${plan.steps.length === 1 ? 'step' : 'steps'}\n`,
    );
  else io.stderr.write(printProblems(problems, new Map([[file, text]])));
  return problems.length;
}
