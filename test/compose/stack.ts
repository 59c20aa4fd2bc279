/** docker-compose.yml under its own project name and on free ports: up, down, and what a test does to one container. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { packageRoot } from '../../protos/index.js';

const execute = promisify(execFile);

export interface Stack {
  /** "127.0.0.1:port" of the gateway's gRPC, its HTTP, and Consul's HTTP. */
  readonly grpc: string;
  readonly http: string;
  readonly consul: string;
  /** Brings everything up and waits until it is healthy. */
  up(): Promise<void>;
  /** Removes everything of this project. */
  down(): Promise<void>;
  /** `docker <args>`; standard output. */
  docker(...args: string[]): Promise<string>;
  /** Name of the container of a service. */
  container(service: string): string;
  /** "healthy", "unhealthy", "starting"; with the state where it does not run. */
  health(service: string): Promise<string>;
  /** The last lines of every container, for a failure. */
  logs(): Promise<string>;
}

const UP_MS = 180_000;

export async function createStack(project: string): Promise<Stack> {
  const [grpc, http, consul] = await freePorts(3);
  const env = {
    ...process.env,
    PLEXUS_GRPC_PORT: String(grpc),
    PLEXUS_HTTP_PORT: String(http),
    CONSUL_PORT: String(consul),
  };
  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute('docker', args, {
      cwd: packageRoot,
      env,
      maxBuffer: 2 ** 26,
      timeout: UP_MS + 30_000,
    });
    return stdout.trim();
  };
  const compose = (...args: string[]): Promise<string> => docker('compose', '-p', project, ...args);
  const container = (service: string): string => `${project}-${service}-1`;
  return {
    grpc: `127.0.0.1:${grpc}`,
    http: `127.0.0.1:${http}`,
    consul: `127.0.0.1:${consul}`,
    docker,
    container,
    up: async () => void (await compose('up', '-d', '--no-build', '--wait', '--wait-timeout', String(UP_MS / 1_000))),
    down: async () => void (await compose('down', '--volumes', '--remove-orphans', '-t', '15')),
    health: (service) =>
      docker(
        'inspect',
        '-f',
        '{{if .State.Running}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}',
        container(service),
      ),
    logs: () => compose('logs', '--tail', '15', '--no-color'),
  };
}

async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
