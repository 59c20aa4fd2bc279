/** `plexus serve <what>`: one process of the mesh, configured by PLEXUS_* (docs/settings.md). What containers and `plexus up` run. */
import type { Command } from 'commander';
import { MeshError } from '../chassis/errors.js';
import { stopOnSignals } from '../chassis/lifecycle.js';
import { stopWithParent } from '../chassis/process.js';
import type { Io } from './io.js';

/** Loaded when asked for only: the gateway's image has no onnxruntime, a service no HTTP server. */
const SERVERS: Record<string, (env: Io['env']) => Promise<{ stop(): Promise<void> }>> = {
  tokenize: async (env) =>
    (await import('../services/start.js')).startService(await import('../services/tokenize/index.js'), env),
  embed: async (env) =>
    (await import('../services/start.js')).startService(await import('../services/embed/index.js'), env),
  classify: async (env) =>
    (await import('../services/start.js')).startService(await import('../services/classify/index.js'), env),
  summarize: async (env) =>
    (await import('../services/start.js')).startService(await import('../services/summarize/index.js'), env),
  infer: async (env) =>
    (await import('../services/start.js')).startService(await import('../services/infer/index.js'), env),
  gateway: async (env) => (await import('../gateway/main.js')).startGatewayProcess(env),
};

export function registerServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description(
      'run one process: tokenize, embed, classify, summarize, infer or gateway; configured by PLEXUS_* variables',
    )
    .argument('<what>')
    .option('--instance <name>', 'name of this process, also shown by ps (PLEXUS_INSTANCE)')
    .action(async (what: string, { instance }: { instance?: string }) => {
      const start = SERVERS[what];
      if (!start) throw new MeshError('USAGE', `serve takes ${Object.keys(SERVERS).join(', ')}, not "${what}"`);
      // A signal during the start must end the process too, in order.
      const starting = start(instance === undefined ? io.env : { ...io.env, PLEXUS_INSTANCE: instance });
      const stop = async (): Promise<void> => (await starting).stop();
      stopOnSignals(stop);
      stopWithParent(() => void stop().finally(() => process.exit(0)));
      await starting;
    });
}
