/**
 * What a hop through the gateway costs: the same unary call to an instance directly, through the gateway, and through nginx
 * `grpc_pass` where there is one (PLEXUS_NGINX, or nginx on the PATH). All are processes of their own on loopback; rounds are
 * interleaved, so that a noisy moment hits all of them. What the stack alone costs is in stack.ts. Run: node dist/bench/gateway.js [rounds]; prints Markdown for bench/results/gateway.md.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, createChannel } from '../chassis/channel.js';
import { textRequest } from '../test/kit/upstream.js';
import { startGatewayProcess, startTestProcess } from '../test/kit/upstream-process.js';

const ROUNDS = Number(process.argv[2] ?? 12);
const CALLS_A_ROUND = 200;
const IN_FLIGHT = 32;

interface Target {
  name: string;
  channel: Channel;
  timesMs: number[];
  perSecond: number[];
}

const method = {
  path: '/plexus.v1.Embed/Embed',
  requestSerialize: (bytes: Buffer): Buffer => bytes,
  responseDeserialize: (bytes: Buffer): Buffer => bytes,
};
const request = textRequest('a sentence of usual length, as texts to embed are');
const call = (channel: Channel): Promise<unknown> =>
  channel.unary(method, request, { deadlineMs: Date.now() + 10_000 });

/** Sequential calls; how long each took. */
async function oneInFlight(channel: Channel, calls: number): Promise<number[]> {
  const timesMs: number[] = [];
  for (let each = 0; each < calls; each++) {
    const startedMs = performance.now();
    await call(channel);
    timesMs.push(performance.now() - startedMs);
  }
  return timesMs;
}

/** Calls a second with IN_FLIGHT of them under way. */
async function throughput(channel: Channel, calls: number): Promise<number> {
  let left = calls;
  const startedMs = performance.now();
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call(channel);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return calls / ((performance.now() - startedMs) / 1_000);
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

function findNginx(): string | undefined {
  const named = process.env.PLEXUS_NGINX ?? 'nginx';
  try {
    execFileSync(named, ['-v'], { stdio: 'ignore' });
    return named;
  } catch {
    return undefined;
  }
}

/** nginx in front of the instance, on a free port of its own choosing range; undefined where there is no nginx. */
async function startNginx(target: string): Promise<{ address: string; stop(): void } | undefined> {
  const nginx = findNginx();
  if (!nginx) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'plexus-nginx-'));
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; error_log ${folder}/error.log; pid ${folder}/pid;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream instance { server ${target}; keepalive 16; keepalive_requests 1000000; }
  server { listen 127.0.0.1:${port} http2; keepalive_requests 1000000; location / { grpc_pass grpc://instance; } }
}`,
  );
  const child: ChildProcess = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  await sleep(500);
  return {
    address: `127.0.0.1:${port}`,
    stop() {
      child.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const instance = await startTestProcess('embed-1', { workMs: 0, places: 1_000 });
const gateway = await startGatewayProcess('gateway', [instance.instance]);
const nginx = await startNginx(instance.instance.address);
const targets: Target[] = [
  { name: 'direct', channel: createChannel(instance.instance.address), timesMs: [], perSecond: [] },
  { name: 'through the gateway', channel: createChannel(gateway.instance.address), timesMs: [], perSecond: [] },
];
if (nginx)
  targets.push({ name: 'through nginx grpc_pass', channel: createChannel(nginx.address), timesMs: [], perSecond: [] });
else console.warn('NGINX IS NOT HERE: SET PLEXUS_NGINX TO COMPARE WITH grpc_pass.');

for (const { channel } of targets) {
  await oneInFlight(channel, 500);
  await throughput(channel, 1_000);
}
for (let round = 0; round < ROUNDS; round++) {
  for (const target of targets) {
    target.timesMs.push(...(await oneInFlight(target.channel, CALLS_A_ROUND)));
    target.perSecond.push(await throughput(target.channel, 500));
  }
}
const [direct] = targets as [Target];
const us = (ms: number): string => (ms * 1_000).toFixed(0);
console.log(
  `${cpus().length} cores, Node ${process.versions.node}, ${ROUNDS} interleaved rounds of ${CALLS_A_ROUND} calls one in flight and 500 calls ${IN_FLIGHT} in flight\n`,
);
console.log(
  `| | p50 us | p99 us | added p50 us | added p99 us | calls/s, ${IN_FLIGHT} in flight (median) |\n|---|---|---|---|---|---|`,
);
for (const { name, timesMs, perSecond } of targets) {
  const [p50, p99] = [quantile(timesMs, 0.5), quantile(timesMs, 0.99)];
  console.log(
    `| ${name} | ${us(p50)} | ${us(p99)} | ${us(p50 - quantile(direct.timesMs, 0.5))} | ${us(p99 - quantile(direct.timesMs, 0.99))} | ${quantile(perSecond, 0.5).toFixed(0)} |`,
  );
}
for (const { channel } of targets) channel.close();
nginx?.stop();
await Promise.all([gateway.signal('SIGKILL'), instance.signal('SIGKILL')]);
process.exit(0);
