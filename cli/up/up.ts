/**
 * `plexus up` (npm start): the whole mesh on this machine. Starts the embedded registry (unless Consul is asked for), one
 * process per service and the gateway; prints a table when all are ready and a line for every change after that; starts again
 * what dies; on Ctrl-C stops the gateway first, then the services, and leaves nothing behind.
 */
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { systemClock } from '../../chassis/clock.js';
import { MeshError } from '../../chassis/errors.js';
import { createLogger } from '../../chassis/log.js';
import { createServer as createMeshServer, type MeshServer, serverSettings } from '../../chassis/server.js';
import { readSettings } from '../../chassis/settings.js';
import { tlsSettings } from '../../chassis/tls.js';
import { withHugePages } from '../../inference/huge-pages.js';
import { createRepository, modelFolders, modelSettings } from '../../models/index.js';
import { packageRoot } from '../../protos/index.js';
import {
  CAPABILITIES,
  type Capability,
  consulSettings,
  createEmbeddedRegistryServer,
  OPTIONAL_CAPABILITIES,
  openRegistry,
  registryKind,
  registrySettings,
} from '../../registry/index.js';
import type { Io } from '../io.js';
import { type Child, createChild } from './child.js';
import { type MeshRow, meshTable, stateOf } from './mesh-table.js';

interface UpFlags {
  registry?: string;
  grpc: string;
  http: string;
  scale: string[];
  log: string;
}

const STOP_MS = 15_000;

export function registerUp(program: Command, io: Io): void {
  program
    .command('up')
    .description('run the whole mesh on this machine (what npm start does)')
    .option('--registry <kind>', 'embedded, or consul (PLEXUS_REGISTRY; consul where CONSUL_HTTP_ADDR is set)')
    .option('--grpc <host:port>', 'gRPC address of the gateway', io.env.PLEXUS_GATEWAY ?? '127.0.0.1:50050')
    .option('--http <host:port>', 'HTTP address of the gateway', io.env.PLEXUS_HTTP_ADDRESS ?? '127.0.0.1:8080')
    .option(
      '--scale <capability=n>',
      'instances of a capability; may be given several times',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .option('--log <level>', 'log level of the processes', io.env.PLEXUS_LOG ?? 'warn')
    .action((flags: UpFlags) => up(flags, io));
}

async function up(flags: UpFlags, io: Io): Promise<void> {
  const startedMs = performance.now();
  const counts = readScale(flags.scale);
  await free('--grpc', flags.grpc);
  await free('--http', flags.http);
  const env: Record<string, string | undefined> = { ...io.env, PLEXUS_LOG: flags.log };
  if (flags.registry !== undefined) env.PLEXUS_REGISTRY = flags.registry;
  if (env.PLEXUS_REGISTRY === 'consul') env.CONSUL_HTTP_ADDR ??= '127.0.0.1:8500';
  const log = createLogger('up', flags.log);
  const tls = readSettings(tlsSettings, env);

  const embedded =
    registryKind(readSettings({ ...registrySettings, ...consulSettings }, env)) === 'embedded'
      ? createEmbeddedRegistryServer({ log, tls })
      : undefined;
  let registryServer: MeshServer | undefined;
  if (embedded) {
    registryServer = createMeshServer({
      services: [embedded.binding],
      address: '127.0.0.1:0',
      settings: readSettings(serverSettings, env),
      tls,
      log,
    });
    env.PLEXUS_REGISTRY = 'embedded';
    env.PLEXUS_REGISTRY_ADDRESS = `127.0.0.1:${await registryServer.start()}`;
  }
  const registry = await openRegistry(readSettings({ ...registrySettings, ...consulSettings }, env), { tls, log });
  const watch = registry.watch('');

  const rows: MeshRow[] = [];
  const main = fileURLToPath(new URL('../../../bin/plexus.js', import.meta.url));
  const state = { printed: false, stopping: false };
  const last = new Map<string, string>();

  const refresh = (): void => {
    if (state.stopping) return;
    for (const row of rows) row.instance = watch.instances.find(({ id }) => id === row.child.name);
    if (!state.printed) {
      if (rows.every(({ child, instance }) => child.state.at === 'running' && instance)) {
        state.printed = true;
        io.stdout.write(
          `\n${meshTable(rows)}\n\nready in ${((performance.now() - startedMs) / 1000).toFixed(1)} s · registry: ${registry.kind} · try: npx plexus run analyze "..." · Ctrl-C stops everything\n`,
        );
      }
    }
    for (const row of rows) {
      const now = stateOf(row);
      if (last.get(row.child.name) === now) continue;
      last.set(row.child.name, now);
      if (state.printed ? now !== 'ready' || row.child.restarts > 0 : row.child.state.at === 'waiting')
        io.stdout.write(`${row.child.name}: ${now}\n`);
    }
  };

  const add = (name: string, args: readonly string[], childEnv: Io['env'], note = ''): void => {
    const child: Child = createChild({
      name,
      args: [...nodeFlags(), main, ...args, '--instance', name],
      env: childEnv,
      clock: systemClock,
      onChange: refresh,
    });
    rows.push({ child, instance: undefined, note });
  };
  for (const capability of CAPABILITIES) {
    const count = counts.get(capability) ?? ((await isWanted(capability, env)) ? 1 : 0);
    for (let number = 1; number <= count; number++)
      add(`${capability}-${number}`, ['serve', capability], withHugePages({ ...env, PLEXUS_ADDRESS: '127.0.0.1:0' }));
  }
  add(
    'gateway-1',
    ['serve', 'gateway'],
    { ...env, PLEXUS_ADDRESS: flags.grpc, PLEXUS_HTTP_ADDRESS: flags.http },
    `http://${flags.http}`,
  );

  const stop = async (): Promise<void> => {
    if (state.stopping) process.exit(1); // a second Ctrl-C: do not wait
    state.stopping = true;
    io.stdout.write('\nstopping\n');
    const [gateway] = rows.splice(-1, 1);
    await gateway?.child.stop(STOP_MS);
    await Promise.all(rows.map(({ child }) => child.stop(STOP_MS)));
    watch.close();
    await registry.close();
    embedded?.close();
    await registryServer?.drain(1_000);
    process.exit(0);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());

  watch.onChange(refresh);
  for (const { child } of rows) child.start();
  io.stdout.write(
    `starting ${rows.length} processes from ${packageRoot === process.cwd() ? 'this folder' : packageRoot}\n`,
  );
}

/** Optional capabilities run where a model asks for them. */
async function isWanted(capability: Capability, env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  if (!OPTIONAL_CAPABILITIES.includes(capability)) return true;
  if (env[`PLEXUS_MODEL_${capability.toUpperCase()}`] || env[`PLEXUS_MODELS_${capability.toUpperCase()}`]) return true;
  const repository = createRepository({ folders: modelFolders(readSettings(modelSettings, env), packageRoot) });
  return (await repository.list()).some(({ manifest }) => manifest.task === capability);
}

function readScale(flags: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const flag of flags) {
    const [capability = '', count = ''] = flag.split('=');
    if (!CAPABILITIES.some((known) => known === capability) || !/^[1-9][0-9]?$/.test(count)) {
      throw new MeshError(
        'USAGE',
        `--scale takes capability=n with ${CAPABILITIES.join(', ')} and 1 to 99, is ${flag}`,
      );
    }
    counts.set(capability, Number(count));
  }
  return counts;
}

/** Refuses an address that something listens on already, instead of a gateway that dies over and over. */
function free(option: string, address: string): Promise<void> {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new MeshError('USAGE', `${option} must be host:port, is ${address}`);
  }
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${error.code})`;
      reject(
        new MeshError(
          'USAGE',
          `${option}: ${address} ${why}; is another mesh running? Give another address with ${option}`,
        ),
      );
    });
    probe.listen(port, address.slice(0, colon), () => probe.close(() => resolve()));
  });
}

/** Flags this process was started with that its children need too. */
function nodeFlags(): string[] {
  return process.execArgv.filter((flag) => !flag.startsWith('--inspect'));
}
