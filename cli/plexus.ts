/** The `plexus` command: its subcommands in one place, one way to report errors, one set of exit codes. */
import { Command, CommanderError } from 'commander';
import { plexusVersion } from '../chassis/process.js';
import { registerCall } from './call.js';
import { registerHealth } from './health.js';
import { EXIT, type Io, reportError } from './io.js';
import { registerRun } from './run.js';
import { registerServe } from './serve.js';
import { registerStatus } from './status.js';
import { registerUp } from './up/up.js';

/** The command with everything mounted; `exitOverride`, so that tests can read what happened. */
export function createProgram(io: Io): Command {
  const program = new Command('plexus')
    .description('Model-as-a-service: tokenize, embed, classify and summarize as a mesh of small gRPC services.')
    .version(plexusVersion)
    .showHelpAfterError('(plexus <command> --help shows how)')
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .exitOverride();
  registerUp(program, io);
  registerServe(program, io);
  registerRun(program, io);
  registerCall(program, io);
  registerStatus(program, io);
  registerHealth(program, io);
  return program;
}

/** Runs one command line; resolves with the exit code, or undefined where the command goes on serving. */
export async function run(args: readonly string[], io: Io): Promise<number | undefined> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportError(error, io);
  }
}

export { processIo } from './io.js';
