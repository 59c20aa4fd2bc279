/** The `plexus` command: its subcommands in one place, one way to report errors, one set of exit codes. */
import { Command, CommanderError } from 'commander';
import { plexusVersion } from '../chassis/process.js';
import { registerCall } from './call.js';
import { registerHealth } from './health.js';
import { EXIT, type Io, reportError } from './io.js';
import { registerRun } from './run.js';
import { registerServe } from './serve.js';
import { registerStatus } from './status.js';

export { processIo } from './io.js';

interface Group {
  description: string;
  load(): Promise<(program: Command, io: Io) => void>;
}

/** Commands that bring half the code base along: loaded only when one of them is typed. The gateway's image lacks what some need. */
const GROUPS = {
  up: {
    description: 'run the whole mesh on this machine (what npm start does)',
    load: async () => (await import('./up/up.js')).registerUp,
  },
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
} satisfies Record<string, Group>;

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
  const mount = async (name: string, { description, load }: Group): Promise<unknown> =>
    typed === name ? (await load())(program, io) : program.command(name).description(description);
  const { up, ...rest } = GROUPS;
  await mount('up', up);
  registerServe(program, io);
  registerRun(program, io);
  registerCall(program, io);
  registerStatus(program, io);
  registerHealth(program, io);
  for (const [name, group] of Object.entries(rest)) await mount(name, group);
  return program;
}
