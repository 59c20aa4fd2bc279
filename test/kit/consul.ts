/**
 * A real Consul agent on free ports: started, stopped, killed and started again by a test. The binary is CONSUL_BIN, or what
 * scripts/fetch-consul.sh has fetched; where there is neither the suite is skipped in capitals.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../protos/index.js';
import { until } from './until.js';

export interface ConsulProcess {
  /** "127.0.0.1:port" of its HTTP API. */
  readonly address: string;
  /** "https://127.0.0.1:port" of the same over TLS; answers only where the configuration has certificates. */
  readonly secureAddress: string;
  /** SIGKILL; resolves when it is gone. Its memory, and so everything registered, is gone with it. */
  kill(): Promise<void>;
  /** Starts again on the same ports, empty; resolves when it has a leader. */
  restart(): Promise<void>;
  /** A request to its API, JSON in and out. */
  api(method: 'GET' | 'PUT', path: string, body?: unknown, token?: string): Promise<unknown>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

export interface ConsulOptions {
  /** ACLs on, everything denied by default; this is the management token. */
  managementToken?: string;
  /** Further configuration, as Consul's own JSON. */
  config?: Readonly<Record<string, unknown>>;
}

let binary: string | null | undefined;

/** The path of a consul binary; skips the running test or suite, loudly, where there is none. */
export function consulOrSkip(context: Mocha.Context): string {
  if (binary === undefined) {
    try {
      binary = execFileSync(join(packageRoot, 'scripts', 'fetch-consul.sh'), ['--cached'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }).trim();
    } catch (error) {
      binary = null;
      const said = String((error as { stderr?: unknown }).stderr ?? error).trim();
      console.warn(`SKIPPED: THE TESTS AGAINST A REAL CONSUL DID NOT RUN. ${said}`);
    }
  }
  return binary ?? context.skip();
}

/** Starts an agent; where one of its ports was taken in the meantime, again on others. */
export async function startConsul(binaryPath: string, options: ConsulOptions = {}): Promise<ConsulProcess> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(binaryPath, options);
    } catch (error) {
      if (tries === 3 || !/address already in use/.test(String(error))) throw error;
    }
  }
}

async function startOnce(binaryPath: string, options: ConsulOptions): Promise<ConsulProcess> {
  const [http, https, dns, grpc, server, serfLan, serfWan] = await freePorts(7);
  const address = `127.0.0.1:${http}`;
  const folder = mkdtempSync(join(tmpdir(), 'plexus-consul-'));
  const [major = 1, minor = 8] = versionOf(binaryPath);
  const knows = (sinceMinor: number): boolean => major > 1 || minor >= sinceMinor;
  const token = options.managementToken;
  const config = {
    ports: {
      http,
      dns,
      grpc,
      server,
      serf_lan: serfLan,
      serf_wan: serfWan,
      ...(options.config?.cert_file !== undefined && { https }),
      ...(knows(14) && { grpc_tls: -1 }), // on a fixed port by default, and 1.8 refuses the key
    },
    ...(token && {
      acl: {
        enabled: true,
        default_policy: 'deny',
        tokens: { agent: token, [knows(11) ? 'initial_management' : 'master']: token },
      },
      primary_datacenter: 'dc1',
    }),
    ...options.config,
  };
  writeFileSync(join(folder, 'agent.json'), JSON.stringify(config));
  let child: ChildProcess | undefined;

  const api: ConsulProcess['api'] = async (method, path, body, token = options.managementToken) => {
    const answer = await fetch(`http://${address}${path}`, {
      method,
      headers: token ? { 'x-consul-token': token } : {},
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const start = async (): Promise<void> => {
    const flags = [
      'agent',
      '-dev',
      '-log-level',
      'warn',
      '-bind',
      '127.0.0.1',
      '-client',
      '127.0.0.1',
      '-config-file',
      join(folder, 'agent.json'),
    ];
    let output = '';
    child = spawn(binaryPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const own = child;
    await until('Consul has a leader', async () => {
      if (own.exitCode !== null) throw new Error(`consul ended with ${own.exitCode}: ${output}`);
      const leader = await api('GET', '/v1/status/leader').catch(() => '');
      // The management token works a moment after the leader is there.
      return leader !== '' && (await api('GET', '/v1/agent/self').catch(() => undefined)) !== undefined;
    });
  };
  const kill = async (): Promise<void> => {
    const own = child;
    if (!own || own.exitCode !== null || own.signalCode !== null) return;
    const exited = new Promise((resolve) => own.once('exit', resolve));
    own.kill('SIGKILL');
    await exited;
  };
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    address,
    secureAddress: `https://127.0.0.1:${https}`,
    kill,
    async restart() {
      await kill();
      await start();
    },
    api,
    stop,
  };
}

/** A certificate authority, a server's and a client's certificate for 127.0.0.1 and localhost, as PEM files in `folder`. */
export function makeCertificates(binaryPath: string, folder: string) {
  const tls = (...args: string[]): void =>
    void execFileSync(binaryPath, ['tls', ...args], { cwd: folder, stdio: 'pipe' });
  tls('ca', 'create');
  tls('cert', 'create', '-server', '-additional-ipaddress', '127.0.0.1');
  tls('cert', 'create', '-client');
  const file = (name: string): string => join(folder, name);
  const caFile = file('consul-agent-ca.pem');
  return {
    caFile,
    server: { certFile: file('dc1-server-consul-0.pem'), keyFile: file('dc1-server-consul-0-key.pem'), caFile },
    client: { certFile: file('dc1-client-consul-0.pem'), keyFile: file('dc1-client-consul-0-key.pem'), caFile },
  };
}

/** [1, 8] of "Consul v1.8.7". */
function versionOf(binaryPath: string): number[] {
  const said = execFileSync(binaryPath, ['version'], { encoding: 'utf8' });
  return (/v(\d+)\.(\d+)/.exec(said) ?? []).slice(1).map(Number);
}

/** Ports that nobody listens on now; all are held open until the last is known, so that they differ. */
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
