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

export { processIo } from './io.js';

/** Groups of commands that bring half the code base along: loaded only when one of them is typed. The gateway's image lacks some. */
const GROUPS: Record<string, { description: string; load(): Promise<(program: Command, io: Io) => void> }> = {
  models: {
    description: 'the models of this machine: list, show, verify, pull, import, quantize, remove, gc',
    load: async () => (await import('./models/models.js')).registerModelsCommands,
  },
  pipelines: {
    description: 'pipelines: validate a file, list, explain, generate types',
    load: async () => (await import('./pipelines/index.js')).registerPipelineCommands,
  },
  tune: {
    description: 'find how a model is best run on this machine, and write it where services read it',
    load: async () => (await import('./tune/tune.js')).registerTune,
  },
};

/** Runs one command line; resolves with the exit code, or undefined where it ended well or goes on serving. */
export async function run(args: readonly string[], io: Io): Promise<number | undefined> {
  try {
    const program = await createProgram(args[0], io);
    await program.parseAsync([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportError(error, io);
  }
}

/** The command with everything mounted that `typed` may need. Throws instead of ending the process, so that tests can look. */
async function createProgram(typed: string | undefined, io: Io): Promise<Command> {
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
  for (const [name, { description, load }] of Object.entries(GROUPS)) {
    if (typed === name) (await load())(program, io);
    else program.command(name).description(description);
  }
  return program;
}
