/**
 * The proxies that a hop is compared with, each in front of one instance with one worker or thread: nginx `grpc_pass`
 * (PLEXUS_NGINX, or nginx on the PATH) and haproxy over h2 (PLEXUS_HAPROXY, or haproxy on the PATH). What is not there is left
 * out, and said.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../test/kit/mesh.js';

export interface Proxy {
  readonly name: string;
  /** "host:port". */
  readonly address: string;
  readonly pid: number;
  stop(): void;
}

/** In front of `target`, "host:port". */
export async function startProxies(target: string): Promise<Proxy[]> {
  const started: Proxy[] = [];
  const nginx = find('PLEXUS_NGINX', 'nginx');
  if (nginx)
    started.push(
      await start(
        'nginx grpc_pass',
        nginx,
        (folder) => ['-p', folder, '-c', join(folder, 'config')],
        (port, folder) => nginxConfig(port, folder, target),
      ),
    );
  const haproxy = find('PLEXUS_HAPROXY', 'haproxy');
  if (haproxy)
    started.push(
      await start(
        'haproxy h2',
        haproxy,
        (folder) => ['-db', '-q', '-f', join(folder, 'config')],
        (port) => haproxyConfig(port, target),
      ),
    );
  return started;
}

const nginxConfig = (port: number, folder: string, target: string): string =>
  `daemon off; worker_processes 1; error_log ${folder}/error.log; pid ${folder}/pid;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream instance { server ${target}; keepalive 32; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port} http2; keepalive_requests 100000000; http2_max_concurrent_streams 1000; location / { grpc_pass grpc://instance; } }
}`;

const haproxyConfig = (port: number, target: string): string =>
  `global
  maxconn 4096
  nbthread 1
  tune.h2.max-concurrent-streams 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port} proto h2
  default_backend instances
backend instances
  server instance ${target} proto h2
`;

function find(variable: string, usual: string): string | undefined {
  const named = process.env[variable] ?? usual;
  try {
    execFileSync(named, ['-v'], { stdio: 'ignore' });
    return named;
  } catch {
    console.warn(`${usual.toUpperCase()} IS NOT HERE: SET ${variable} TO COMPARE WITH IT.`);
    return undefined;
  }
}

async function start(
  name: string,
  program: string,
  args: (folder: string) => string[],
  config: (port: number, folder: string) => string,
): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'plexus-proxy-'));
  const [port] = (await freePorts(1)) as [number];
  writeFileSync(join(folder, 'config'), config(port, folder));
  const child = spawn(program, args(folder), { stdio: 'ignore' });
  await listening(port);
  return {
    name,
    address: `127.0.0.1:${port}`,
    pid: child.pid as number,
    stop() {
      child.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once somebody accepts connections on the port. */
async function listening(port: number): Promise<void> {
  for (let left = 100; left > 0; left--) {
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (accepted) return;
    await sleep(50);
  }
  throw new Error(`nobody listens on port ${port}`);
}
