/** A real mesh for tests: `plexus up` on free ports in a process of its own, stopped by SIGINT as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { packageRoot } from '../../protos/index.js';

export interface Mesh {
  /** "host:port" of the gateway. */
  readonly grpc: string;
  readonly http: string;
  /** Everything it printed so far. */
  readonly output: string;
  readonly process: ChildProcess;
  /** Resolves once the output matches. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Ctrl-C; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Resolves when the table has been printed. */
export async function startMesh(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Mesh> {
  const [grpc, http] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`) as [string, string];
  const child = spawn(
    process.execPath,
    [join(packageRoot, 'bin', 'plexus.js'), 'up', '--grpc', grpc, '--http', http, ...args],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const waiting = new Set<() => void>();
  const onData = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', onData);
  child.stderr.on('data', onData);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const mesh: Mesh = {
    grpc,
    http,
    process: child,
    get output() {
      return output;
    },
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = output.match(pattern);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        void exited.then(() => reject(new Error(`the mesh ended before it printed ${pattern}:\n${output}`)));
        look();
      }),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      return (await exited)[0];
    },
  };
  await mesh.printed(/^ready in/m);
  return mesh;
}

/** Ports nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
